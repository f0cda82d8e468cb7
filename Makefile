# make help lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

LINT := .bin/golangci-lint

# What the tests run beside Go's own packages: name and what brings it.
NEEDS := gcc:gcc unshare:util-linux mount:mount mariadbd:mariadb-server mariadb-install-db:mariadb-server

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

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
	go mod tidy -diff
	cd test/compat && go mod tidy -diff

.PHONY: test
test: needs ## all tests, with the race detector
	@echo "== packages: unit, model, vector, crash-in-memory and command tests"
	@test/run -race -timeout 10m $$(go list ./... | grep -v /test/)
	@$(MAKE) --no-print-directory crash
	@$(MAKE) --no-print-directory compat
	@echo "== all tests passed"

.PHONY: crash
crash: needs ## kill the real binary, fill its disk
	@echo "== test/crash: the real binary killed, doubled, and on a full disk"
	@test/run -count=1 -timeout 5m ./test/crash

.PHONY: compat
compat: ## run unmodified client libraries against the real binary
	@echo "== test/compat: four client libraries against the real binary"
	@cd test/compat && ../run -count=1 -timeout 5m ./...

.PHONY: needs
needs:
	@for need in $(NEEDS); do \
		command -v $${need%%:*} >/dev/null || { echo "the tests need $${need%%:*}: install the package $${need##*:} (apt-get install $${need##*:})" >&2; exit 1; }; \
	done

.PHONY: fuzz
fuzz: ## fuzz the parsers and the encoders, 20 s each
	for f in FuzzListRequest FuzzBatchRequest FuzzAppendPage FuzzAppendError; do \
		go test -run xxx -fuzz $$f -fuzztime 20s ./internal/wire; \
	done

.PHONY: bench
bench: ## measure the real binary beside a bare handler and its own store, about 3 minutes
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
