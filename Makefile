# make help lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

LINT := .bin/golangci-lint

SUM := .bin/gotestsum

# The main module first; each of the others keeps what only it needs to itself.
MODULES := . bench test/compat test/oidc test/browser

# Where servers are that users do not have on their PATH.
export PATH := $(PATH):/usr/sbin:/sbin

# Programs of test/cluster that are built from modules of their own.
VITESS := .bin/vitess/vttablet
TIDB := .bin/tidb-server

# Measured beside mpblock, from a module of its own.
OPENFGA := .bin/openfga

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

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
	@for module in $(MODULES); do \
		echo "== the linter in $$module"; \
		(cd $$module && "$(CURDIR)/$(LINT)" run --config "$(CURDIR)/.golangci.yml" ./... && go mod tidy -diff); \
	done

.PHONY: tidy
tidy: ## go mod tidy, in all modules: a new dependency of the first is one of the others
	@for module in $(MODULES); do (cd $$module && go mod tidy); done

.PHONY: test
test: ## all tests, with the race detector; on Debian it installs what they need
	@test/setup modules race mariadb redis shells crash cluster compat browser
	@$(MAKE) --no-print-directory $(SUM)
	@echo "== packages: unit, model, vector, crash-in-memory and command tests, the store on MariaDB, tokens from Redis, and the shells"
	@test/run -race -tags mariadb,redis,shells -timeout 30m ./...
	@$(MAKE) --no-print-directory crash
	@$(MAKE) --no-print-directory cluster
	@$(MAKE) --no-print-directory compat
	@$(MAKE) --no-print-directory oidc
	@$(MAKE) --no-print-directory browser

.PHONY: mariadb
mariadb: $(SUM) ## the store and the commands on MariaDB
	@test/setup mariadb
	@echo "== internal/sqlstore, cmd/mpblock: on MariaDB"
	@test/run -tags mariadb -count=1 -timeout 30m ./internal/sqlstore/... ./cmd/mpblock ./test/gateway ./test/webhooks

.PHONY: redis
redis: $(SUM) ## tokens that come from a real Redis
	@test/setup redis
	@echo "== internal/upstream/source: tokens from a Redis"
	@test/run -tags redis -count=1 -timeout 5m ./internal/upstream/source

.PHONY: crash
crash: $(SUM) ## kill the real binary, fill its disk
	@test/setup crash
	@echo "== test/crash: the real binary killed, doubled, and on a full disk"
	@test/run -tags crash -count=1 -timeout 20m ./test/crash
	@test/run -tags crash -count=1 -timeout 20m ./test/gateway
	@test/run -tags crash -count=1 -run Kills -timeout 20m ./internal/pebblestore

.PHONY: cluster
cluster: $(SUM) ## kill, freeze and cut off nodes and databases of a Galera cluster, as root, about 6 minutes
	@test/setup cluster
	@echo "== test/cluster: three nodes over three Galera nodes, killed, frozen and cut off"
	@test/run -tags cluster -exec "$(CURDIR)/test/as-root" -count=1 -timeout 60m ./test/cluster -writing 60s

.PHONY: test-cluster
test-cluster: $(SUM) $(VITESS) ## the same store on Vitess with two shards; builds it, some minutes the first time
	@test/setup vitess
	@echo "== test/cluster/onvitess: the store on Vitess, and one shard's database killed"
	@test/run -tags cluster -count=1 -timeout 30m ./test/cluster/onvitess

.PHONY: test-tidb
test-tidb: $(SUM) $(TIDB) ## the same store on tidb-server; builds it, some minutes the first time
	@test/setup tidb
	@echo "== test/cluster/ontidb: the store on tidb-server, whose storage is a stand-in"
	@test/run -tags cluster -count=1 -timeout 30m ./test/cluster/ontidb

.PHONY: test-container
test-container: $(SUM) ## build the image and run what the documents say about it, in podman, as root, about 3 minutes
	@test/setup container
	@go mod download
	@echo "== cmd/mpblock: the image, the boxes to paste and the compose files of one node, in containers"
	@test/run -tags shells,container -exec "$(CURDIR)/test/container/alone" -run Containers -count=1 -timeout 6m ./cmd/mpblock

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
bench-cluster: $(VITESS) $(TIDB) ## a table of the store on each engine beside the embedded one
	@test/setup cluster vitess tidb
	@test/cluster/bench

NPM := test/compat/node_modules/.package-lock.json

.PHONY: compat
compat: $(SUM) ## run unmodified client libraries against the real binary
	@test/setup compat
	@$(MAKE) --no-print-directory $(NPM)
	@echo "== test/compat: client libraries of Go and Node.js against the real binary"
	@cd test/compat && ../run -count=1 -timeout 20m ./...

$(NPM): test/compat/package-lock.json
	cd test/compat && npm ci --ignore-scripts --no-audit --no-fund
	@touch $(NPM)

.PHONY: oidc
oidc: $(SUM) ## log in to the console through a real OpenID Connect provider
	@echo "== test/oidc: the console and a provider"
	@cd test/oidc && ../run -count=1 -timeout 20m ./...

AXE := test/browser/node_modules/axe-core/axe.min.js

.PHONY: browser
browser: $(SUM) ## drive the console in a real Chromium
	@test/setup browser
	@$(MAKE) --no-print-directory $(AXE)
	@echo "== test/browser: the console in Chromium, against the real binary"
	@cd test/browser && ../run -count=1 -timeout 40m ./...

$(AXE): test/browser/package-lock.json
	cd test/browser && npm ci --no-audit --no-fund
	@touch $(AXE)

.PHONY: fuzz
fuzz: ## fuzz the parsers, the encoders and the reader of lists, 20 s each
	for f in FuzzListRequest FuzzBatchRequest FuzzUsersRequest FuzzAppendPage FuzzAppendError; do \
		go test -run xxx -fuzz $$f -fuzztime 20s ./internal/wire; \
	done
	for f in FuzzText FuzzAuto FuzzForms FuzzMemory; do \
		go test -run xxx -fuzz $$f -fuzztime 20s ./internal/lines; \
	done

.PHONY: bench
bench: $(OPENFGA) ## measure the real binary beside nginx, Redis, MariaDB, OpenFGA and its bounds, about 16 minutes
	cd bench && go run .

$(OPENFGA): bench/openfga/go.mod bench/openfga/go.sum
	@test/setup modules
	@echo "building OpenFGA, which takes some minutes the first time"
	cd bench/openfga && go build -o ../../$(OPENFGA) github.com/openfga/openfga/cmd/openfga
	@touch $(OPENFGA)

.PHONY: bench-pages
bench-pages: ## pages alone, beside their bounds, in about two minutes: for every day
	cd bench && go run . -only pages -databases=false -entries 1000000

LARGE ?= 100000000
LARGE_ACCOUNTS ?= 100000
.PHONY: bench-large
bench-large: ## what grows up to 100,000,000 entries, and over 100,000 accounts; takes long; LARGE=10000000 is less
	cd bench && go run . -only large,size -rounds 3 -entries 1000000,$(LARGE) -import $(LARGE) -accounts $(LARGE_ACCOUNTS)

DIST := .bin/nfpm

.PHONY: man
man: ## the manual page, dist/mpblock.1: man ./dist/mpblock.1
	@mkdir -p dist
	@go run ./cmd/mpblock man > dist/mpblock.1

.PHONY: dist
dist: $(DIST) ## what a release has, into dist/: binaries for five systems, .deb, SBOM, checksums; VERSION=1.2.3 names it
	deploy/dist $(VERSION)

$(DIST): tools/dist/go.sum
	@test/setup modules
	cd tools/dist && go build -o ../../.bin/ github.com/goreleaser/nfpm/v2/cmd/nfpm github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	@touch $(DIST)

.PHONY: tools
tools: $(LINT) $(SUM) ## build the linter, and what runs the tests

# Built from a module of their own, since the linter has more dependencies than all
# the rest. The other tool takes seconds.
$(LINT): tools/go.sum
	@test/setup modules
	@echo "building the linter, which takes some minutes the first time"
	cd tools && go build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $(LINT)

$(SUM): tools/go.sum
	@test/setup modules
	cd tools && go build -o ../$(SUM) gotest.tools/gotestsum
	@touch $(SUM)

.PHONY: vuln
vuln: ## look for known vulnerabilities in what is used
	cd tools && go build -o ../.bin/govulncheck golang.org/x/vuln/cmd/govulncheck
	.bin/govulncheck ./...
