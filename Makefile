# make help lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

LINT := .bin/golangci-lint

# What the tests run beside Go's own packages: name and what brings it.
NEEDS := gcc:gcc unshare:util-linux mount:mount setpriv:util-linux mariadbd:mariadb-server mariadb-install-db:mariadb-server \
	rsync:rsync socat:socat ip:iproute2 haproxy:haproxy
BROWSER_NEEDS := chromium:chromium node:nodejs npm:npm
GALERA := /usr/lib/galera/libgalera_smm.so

# Programs of test/cluster that are built from modules of their own.
VITESS := .bin/vitess/vttablet
TIDB := .bin/tidb-server

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: build
build: ## build ./mpblock, static
	CGO_ENABLED=0 go build -trimpath -ldflags=-s -o mpblock ./cmd/mpblock

.PHONY: demo
demo: ## run the server with the demo account
	go run ./cmd/mpblock serve --demo

.PHONY: check
check: lint test ## the linter, then all tests: what CI runs

.PHONY: lint
lint: $(LINT) ## the linter, in all modules
	$(LINT) run ./...
	cd test/compat && ../../$(LINT) run --config ../../.golangci.yml ./...
	cd test/oidc && ../../$(LINT) run --config ../../.golangci.yml ./...
	cd test/browser && ../../$(LINT) run --config ../../.golangci.yml ./...
	go mod tidy -diff
	cd test/compat && go mod tidy -diff
	cd test/oidc && go mod tidy -diff
	cd test/browser && go mod tidy -diff

.PHONY: test
test: NEEDS += $(BROWSER_NEEDS)
test: needs ## all tests, with the race detector
	@echo "== packages: unit, model, vector, crash-in-memory and command tests"
	@test/run -race -timeout 10m $$(go list ./... | grep -v /test/)
	@$(MAKE) --no-print-directory crash
	@$(MAKE) --no-print-directory cluster
	@$(MAKE) --no-print-directory compat
	@$(MAKE) --no-print-directory oidc
	@$(MAKE) --no-print-directory browser
	@echo "== all tests passed"

.PHONY: crash
crash: needs ## kill the real binary, fill its disk
	@echo "== test/crash: the real binary killed, doubled, and on a full disk"
	@test/run -count=1 -timeout 5m ./test/crash

.PHONY: cluster
cluster: needs ## kill, freeze and cut off nodes and databases of a Galera cluster, as root, about 6 minutes
	@echo "== test/cluster: three nodes over three Galera nodes, killed, frozen and cut off"
	@test/run -count=1 -timeout 20m ./test/cluster -writing 60s

.PHONY: test-cluster
test-cluster: needs $(VITESS) ## the same store on Vitess with two shards; builds it, some minutes the first time
	@command -v etcd >/dev/null || { echo "Vitess needs etcd: install the package etcd-server (apt-get install etcd-server)" >&2; exit 1; }
	@echo "== test/cluster/onvitess: the store on Vitess, and one shard's database killed"
	@test/run -count=1 -timeout 10m ./test/cluster/onvitess

.PHONY: test-tidb
test-tidb: needs $(TIDB) ## the same store on tidb-server; builds it, some minutes the first time
	@echo "== test/cluster/ontidb: the store on tidb-server, whose storage is a stand-in"
	@test/run -count=1 -timeout 10m ./test/cluster/ontidb

# go build makes all four newer than the files they depend on, or none.
$(VITESS): test/cluster/vitess/go.mod test/cluster/vitess/go.sum
	@echo "building Vitess, which takes some minutes the first time"
	cd test/cluster/vitess && go build -o ../../../.bin/vitess/ vitess.io/vitess/go/cmd/{vtgate,vttablet,vtctld,vtctldclient}
	@touch .bin/vitess/*

$(TIDB): test/cluster/tidb/go.mod test/cluster/tidb/go.sum
	@echo "building tidb-server, which takes some minutes the first time"
	cd test/cluster/tidb && go build -o ../../../$(TIDB) github.com/pingcap/tidb/cmd/tidb-server
	@touch $(TIDB)

.PHONY: bench-cluster
bench-cluster: needs $(VITESS) $(TIDB) ## a table of the store on each engine beside the embedded one
	@test/cluster/bench

.PHONY: compat
compat: ## run unmodified client libraries against the real binary
	@echo "== test/compat: four client libraries against the real binary"
	@cd test/compat && ../run -count=1 -timeout 5m ./...

.PHONY: oidc
oidc: ## log in to the console through a real OpenID Connect provider
	@echo "== test/oidc: the console and a provider"
	@cd test/oidc && ../run -count=1 -timeout 5m ./...

AXE := test/browser/node_modules/axe-core/axe.min.js

.PHONY: browser
browser: NEEDS := $(BROWSER_NEEDS)
browser: needs $(AXE) ## drive the console in a real Chromium
	@echo "== test/browser: the console in Chromium, against the real binary"
	@cd test/browser && ../run -count=1 -timeout 10m ./...

$(AXE): test/browser/package-lock.json
	cd test/browser && npm ci --no-audit --no-fund
	@touch $(AXE)

.PHONY: needs
needs:
	@for need in $(NEEDS); do \
		command -v $${need%%:*} >/dev/null || { echo "the tests need $${need%%:*}: install the package $${need##*:} (apt-get install $${need##*:})" >&2; exit 1; }; \
	done
	@[ -e $(GALERA) ] || { echo "the tests need $(GALERA): install the package galera-4 (apt-get install galera-4)" >&2; exit 1; }

.PHONY: fuzz
fuzz: ## fuzz the parsers and the encoders, 20 s each
	for f in FuzzListRequest FuzzBatchRequest FuzzAppendPage FuzzAppendError; do \
		go test -run xxx -fuzz $$f -fuzztime 20s ./internal/wire; \
	done

.PHONY: bench
bench: ## measure the real binary beside nginx, Redis, MariaDB and its bounds, about 12 minutes
	cd bench && go run .

.PHONY: tools
tools: $(LINT) ## build the linter

# Built from its own module, since it has more dependencies than all the rest.
$(LINT): tools/go.sum
	@echo "building the linter, which takes some minutes the first time"
	cd tools && go build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $(LINT)

.PHONY: vuln
vuln: ## look for known vulnerabilities in what is used
	cd tools && go build -o ../.bin/govulncheck golang.org/x/vuln/cmd/govulncheck
	.bin/govulncheck ./...
