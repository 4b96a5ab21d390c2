# spanstack. "make help" lists the targets.
SHELL := /bin/bash
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Debian packages: the VM with OpenZFS (platformtest/vm), a browser for the pages, a C compiler for the race detector, sudo for
# the tests that wrap zfs in it, the daemons that logs are sent to, a decoder of protobuf, a
# reader of manual pages, and Node.js for other people's readers of traces.
PACKAGES = $(shell go run ./platformtest/vm deps) chromium fonts-dejavu-core sudo rsyslog rsyslog-openssl systemd protobuf-compiler groff-base $(if $(shell command -v npm),,nodejs npm)

# What "make test" must run: with these, a test that can't is a failure.
must = SPANSTACK_REQUIRE_VM=1 SPANSTACK_REQUIRE_BROWSER=1 SPANSTACK_REQUIRE_DEMO=1 SPANSTACK_REQUIRE_SUDO=1 SPANSTACK_REQUIRE_DAEMONS=1 SPANSTACK_REQUIRE_COLLECTOR=1 SPANSTACK_REQUIRE_PROTOC=1 SPANSTACK_REQUIRE_NPM=1 SPANSTACK_REQUIRE_GROFF=1

# Where the tests in the VM leave traces, for a look and for the tests in the browser.
export SPANSTACK_ARTIFACTS := $(CURDIR)/demo

ZFS ?= vm
POOL_DIR ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install the Debian packages that demo and test need (root, or by sudo)
	@missing=$$(for p in $(PACKAGES); do dpkg-query -Wf '$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || echo $$p; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; else \
	  echo "make deps: not root, and there is no sudo. As root: apt-get install --no-install-recommends" $$missing >&2; exit 1; fi; \
	$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $$missing

.PHONY: demo
demo: $(if $(filter vm,$(ZFS)),deps) ## replicate a dataset on a real OpenZFS, leave demo/trace.json and demo/log.txt, and on a terminal show the trace (ZFS=host POOL_DIR=… uses this host's)
	go run ./platformtest/demo -zfs $(ZFS) $(if $(POOL_DIR),-pool-dir $(POOL_DIR)) -out demo
	@if [ -t 1 ] && [ "$(MAKECMDGOALS)" = demo ]; then go build -o bin/ ./cmd/trace-view && bin/trace-view demo/trace.json; fi

.PHONY: test
test: FUZZTIME = 1s
test: deps ## run all tests, those in the VM and in the browser included, and each fuzz target for 1 s
	$(MAKE) -j2 --output-sync=target lint demo collector
	$(MAKE) -j2 --output-sync=target FUZZTIME=$(FUZZTIME) vmtest race benchtest fuzz webtest
	$(MAKE) browsertest

.PHONY: collector
collector: ## build an OpenTelemetry Collector for the tests that send to one, once (a minute or two)
	go run ./interop/collector

.PHONY: interop
interop: collector ## send to the collector, by OTLP over gRPC and HTTP, also while it is stopped
	$(must) go test -race -count=1 -v -run Collector ./trace/otelbridge

.PHONY: lint
lint: ## gofmt, vet (also for FreeBSD), staticcheck, tracevet, govulncheck
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs -r gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt needed:" $$unformatted >&2; exit 1; fi
	go vet ./...
	GOOS=freebsd go vet ./...
	GOOS=freebsd CGO_ENABLED=0 go test -c -o bin/suite.freebsd ./platformtest/suite
	go tool staticcheck ./...
	go build -o bin/tracevet ./cmd/tracevet
	go vet -vettool=bin/tracevet ./...
	go build -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	cd browsertest && go vet ./... && ../bin/staticcheck ./...
	cd bench && go vet ./... && GOOS=freebsd go vet ./... && ../bin/staticcheck ./...
	@./.ci/govulncheck

.PHONY: race
race: ## run all tests of the main module with the race detector, but for those in the VM
	$(must) go test -race -count=1 -timeout 45m $$(go list ./... | grep -v '/platformtest$$')
	go test -count=1 -run TestIDsAreNeverReused ./trace # ten million: too many for the race detector

.PHONY: vmtest
vmtest: ## run the tests in the VM, but for those that take long
	@echo "left to make platformtest: TestContract; to make platformtest-all: TestTranscripts; to make reboots: TestReboots; to make twohosts: TestZferryRebooted, TestDaemonStalled, TestZferryClock and TestReplication between two hosts"
	$(must) go test -race -count=1 -timeout 45m -skip '^TestContract$$' ./platformtest

.PHONY: benchtest
benchtest: ## run the tests of the benchmarks
	cd bench && $(must) go test -race -count=1 -timeout 20m ./...

.PHONY: unit
unit: ## run the tests that need neither VM nor browser: quick
	go test -short ./...
	cd bench && go test -short ./...

.PHONY: vm
vm: ## build the virtual machine with OpenZFS, once
	go run ./platformtest/vm build

.PHONY: platformtest
platformtest: vm ## run the tests on a real OpenZFS, in the VM
	$(must) go test -count=1 -timeout 45m -v ./platformtest/

.PHONY: platformtest-all
platformtest-all: ## run them on all lines of ZFS and both modules of each, and write docs/platforms.md (an hour)
	$(must) SPANSTACK_PLATFORMS=$(CURDIR)/docs/platforms.md go test -count=1 -timeout 3h -parallel 2 -v -run '^TestPlatforms$$' ./platformtest/

INCREMENTS ?= 20
DATASETS ?= 30
.PHONY: twohosts
twohosts: vm ## replicate DATASETS datasets over ssh and TLS between two hosts in the VM, INCREMENTS increments of one, with interruptions and cuts
	$(must) SPANSTACK_INCREMENTS=$(INCREMENTS) SPANSTACK_DATASETS=$(DATASETS) go test -count=1 -timeout 30m -v -run '^TestTwoHosts$$' ./platformtest/

ROUNDS ?= 200
.PHONY: rounds
rounds: vm ## replicate by zferry while something goes wrong, ROUNDS times (200), and lose nothing; SPANSTACK_SEED repeats it
	$(must) SPANSTACK_ROUNDS=$(ROUNDS) go test -count=1 -timeout 5h -v -run '^TestRounds$$' ./platformtest/

CUTS ?= 10
.PHONY: reboots
reboots: vm ## cut the power CUTS times while zferry replicates, and go on after the boot
	$(must) SPANSTACK_CUTS=$(CUTS) go test -count=1 -timeout 2h -v -run '^TestReboots$$' ./platformtest/

CLOSES ?= 1000
.PHONY: closes
closes: vm ## close CLOSES streams at random moments where SIGKILL doesn't end a zfs send (1000 take 2 minutes on a quiet machine)
	$(must) SPANSTACK_CLOSES=$(CLOSES) go test -count=1 -timeout 65m -v -run '^TestCloses$$' ./platformtest/

.PHONY: mutants
mutants: vm ## show that the tests on a real OpenZFS notice the mistakes that would bring a hang or a lie back
	$(must) SPANSTACK_MUTANTS=1 go test -count=1 -timeout 60m -v -run '^TestMutants$$' ./platformtest/

INJECTIONS ?= 500
.PHONY: faults
faults: vm ## inject INJECTIONS faults into replications on a real OpenZFS, and cut the power: a report in demo/faults
	go run ./platformtest/faults --injections $(INJECTIONS) --power-cuts 5 --out demo/faults

.PHONY: browsertest
browsertest: ## open traces in chrome://tracing's viewer, those of demo and platformtest included, and use our own viewer
	@echo "left to make hungview: TestHungSend, which boots a virtual machine"
	cd browsertest && $(must) go test -count=1 -timeout 15m ./...

.PHONY: viewertest
viewertest: deps ## use the viewer in Chromium as people do: mouse, keyboard, live processes, hostile traces, pictures
	cd browsertest && $(must) go test -count=1 -timeout 10m -v -run '^TestViewer$$' .

.PHONY: hungview
hungview: deps vm ## watch a zfs send that hangs in the VM by trace-view in Chromium (a minute)
	cd browsertest && $(must) SPANSTACK_HUNG_SEND=1 go test -count=1 -timeout 10m -v -run '^TestHungSend$$' .

.PHONY: pictures
pictures: demo ## take the pictures of README.md and docs/viewer.md anew, of make demo's trace and of a zfs send that hangs (look at them)
	cd browsertest && $(must) SPANSTACK_HUNG_SEND=1 go test -count=1 -timeout 10m -v -run '^(TestDemoPicture|TestHungSend)$$' -update .

.PHONY: webtest
webtest: deps ## check the viewer's page: types, tests, and that what is committed of it is what its sources build
	cd viewer/web && npm ci --no-audit --no-fund && npm run check && npm test

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (20s; in "make test" 1s)
	./.ci/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## compare package trace with the OTel SDK and runtime/trace, package logging with slog, zap and zerolog, and conversions with what reads the same: also in docs/benchmarks.md (10 minutes)
	cd bench && go run .

.PHONY: bench-zfs
bench-zfs: ## compare package zfssend with a shell's pipe and zferry with syncoid, in the VM, here and over ssh, and with plain copying: also in docs/benchmarks-zfs.md (two hours and a half)
	cd bench && go run . zfs

.PHONY: bench-viewer
bench-viewer: ## measure trace-view in Chromium, on a trace of 10 million spans and following a process that makes 20,000 a second: also in docs/benchmarks-viewer.md (5 minutes, 1 GB below $TMPDIR)
	cd bench && $(must) go run . viewer

.PHONY: microbench
microbench: ## run the benchmarks of the packages themselves
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: golden
golden: ## rewrite the golden files
	go test -short ./... -update
