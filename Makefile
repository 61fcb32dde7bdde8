# The verbs of this repository. `make help` lists them.

GO       ?= go
# Packages tested at the same time; several of them start servers of their own.
P        ?= 2
# What `make demo ARGS=…` hands to the demo.
ARGS     ?=
# The race detector watches everything but four packages that compute on memory
# of their own and share no lock: SQLite's code, translated from C, Argon2id and
# the SAT solver. Watched, they take most of the time. What goes unseen is a
# buffer of ours that changes while they read it.
UNWATCHED = modernc.org/sqlite/lib golang.org/x/crypto/argon2 golang.org/x/crypto/blake2b \
            github.com/crillab/gophersat/solver
RACE      = -race $(foreach p,$(UNWATCHED),-gcflags=$(p)=-race=false)
GOTESTSUM = gotest.tools/gotestsum@v1.13.0
LINTER    = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint assets pictures generate fresh deps build clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## play one reset from call to audit on a scratch folder, then stay up
	@bin/countersign demo $(ARGS)

# gotestsum prints the closing line, so nothing may follow it here. A cached
# result is good enough at a desk; CI wants to see the servers run.
test: deps assets fresh ## install what the tests need, vet, and run them all with the race detector
	$(GO) vet ./...
	@CGO_ENABLED=1 $(GO) run $(GOTESTSUM) --format pkgname --format-hide-empty-pkg -- \
		$(RACE) -timeout 25m -p $(P) $(if $(CI),-count=1) ./...

bench: assets ## measure Countersign beside its peers in one run, and print the table of ratios
	@scripts/bench

lint: ## run the linters of .golangci.yml (the first run builds them)
	@$(GO) run $(LINTER) run ./...

# What comes from npm is built once, and again when what it is made of changes.
DIST = internal/console/assets/dist/icons.svg

assets: $(DIST) ## build the console's scripts, icons and typeface from npm

$(DIST): package.json package-lock.json $(wildcard web/*)
	@command -v npm >/dev/null || scripts/install-deps nodejs npm
	npm ci --no-audit --no-fund --loglevel=error
	npm run --silent build

pictures: assets ## take the pictures of the documentation anew, from the browser tests
	$(GO) test -count=1 ./internal/console -args -images "$(CURDIR)/docs/images"

generate: ## write the generated files (zz_gen_*) again
	$(GO) generate ./...

# Generated files are committed, so a stale one is a fault that only shows when
# they are written again. At a desk that would stop work in progress: CI only.
fresh: $(if $(CI),generate)
	@if [ -n "$(CI)" ] && [ -n "$$(git status --porcelain -- '*zz_gen_*')" ]; then \
		git --no-pager diff -- '*zz_gen_*'; \
		echo "fresh: generated files are stale: run make generate and commit them:" >&2; \
		git status --porcelain -- '*zz_gen_*' >&2; exit 1; fi

deps: # the real directories and the browser that the tests start
	@scripts/install-deps

build: assets ## put countersign and countersign-verify into bin/
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/countersign ./cmd/countersign-verify

clean: ## remove what the other verbs made
	rm -rf bin dist
