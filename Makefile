# Cổng, a reverse gateway. `make help` lists what there is to make.
#
# Every flavour is built in a folder of its own, build/<flavour>/, from whatever sources there are:
#   release  what is shipped: optimised, hardened, with jemalloc
#   debug    for a debugger and the unit tests
#   asan     address and undefined-behaviour sanitizers, plain malloc for the leak check
#   fuzz     the same sanitizers by clang, with libFuzzer

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 120
PYTHON := /usr/bin/python3
FLAVOURS := release debug asan fuzz

# As many jobs as there are cores, each one's output in one piece. Recipes that begin with + are
# exempt from that: their output is followed live.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --output-sync=target --no-print-directory --no-builtin-rules
endif
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
say = @printf '  %-6s %s\n' $(1) $(2)

# --- what there is -----------------------------------------------------------------------------
GATEWAY := $(wildcard gateway/*/*.c)
BENCH := $(filter-out bench/main.c bench/peers/%,$(wildcard bench/*.c bench/*/*.c))
PEER_CLIENT := $(wildcard bench/peers/*.c)
FAKES := $(wildcard tests/fakes/*.c)
BARE := $(wildcard tests/bare/*.c)
UNIT := $(wildcard tests/unit/*/test_*.c)
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
HEADERS := $(wildcard gateway/*/*.h bench/*.h bench/*/*.h tests/fakes/*.h)
PROGRAMS := $(if $(wildcard gateway/main.c),cong) $(if $(wildcard bench/main.c),cong-bench)
# Debian ships llhttp as the C sources that its generator wrote.
LLHTTP := $(patsubst /usr/share/llhttp/%.c,llhttp/%.o,$(wildcard /usr/share/llhttp/*.c))

# --- how it is built ---------------------------------------------------------------------------
VERSION := 0.1.0
CPPFLAGS := -D_GNU_SOURCE -DCONG_VERSION='"$(VERSION)"' -Igateway -I. -Itests -isystem /usr/share/include/llhttp
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Walloca -Werror
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LIBS := -luv -lssl -lcrypto -lyaml -ljansson -lnghttp2 -lhiredis -lcares -lm

CC.release := gcc
CFLAGS.release := -O2 -flto=auto -D_FORTIFY_SOURCE=2 -fstack-protector-strong $(WARNINGS)
# Said explicitly, for the linker sees no use of it before link-time optimisation is done.
LIBS.release := -Wl,--no-as-needed -ljemalloc
CC.debug := gcc
CFLAGS.debug := -Og $(WARNINGS)
CC.asan := gcc
CFLAGS.asan := -O1 $(SANITIZE) $(WARNINGS)
# gcc is the judge of warnings; clang has other opinions.
CC.fuzz := clang-14
CFLAGS.fuzz := -O1 $(SANITIZE) -fsanitize=fuzzer-no-link -w

define flavour_rules
compile.$(1) = $$(CC.$(1)) -std=c11 -g -fPIE $$(CPPFLAGS) -MMD -MP $$(CFLAGS.$(1))
link.$(1) = $$(CC.$(1)) -g -pie -Wl,-z,relro,-z,now,--as-needed $$(CFLAGS.$(1))
lib.$(1) := build/$(1)/libcong.a
programs.$(1) := $$(PROGRAMS:%=build/$(1)/%)
unit.$(1) := $$(UNIT:%.c=build/$(1)/%)

build/$(1)/%.o: %.c Makefile
	$$(call say,CC,$$@)
	@mkdir -p $$(@D) && $$(compile.$(1)) -c $$< -o $$@

build/$(1)/llhttp/%.o: /usr/share/llhttp/%.c Makefile
	$$(call say,CC,$$@)
	@mkdir -p $$(@D) && $$(compile.$(1)) -w -DLLHTTP_STRICT_MODE=1 -c $$< -o $$@

build/$(1)/libcong.a: $$(GATEWAY:%.c=build/$(1)/%.o) $$(LLHTTP:%=build/$(1)/%)
build/$(1)/libbench.a: $$(BENCH:%.c=build/$(1)/%.o)
build/$(1)/libfakes.a: $$(FAKES:%.c=build/$(1)/%.o)
build/$(1)/%.a:
	$$(call say,AR,$$@)
	@mkdir -p $$(@D) && rm -f $$@ && gcc-ar rcs $$@ $$^

build/$(1)/cong: build/$(1)/gateway/main.o $$(lib.$(1))
# Without slots, breakers and ejection: what those cost is told by comparison (bench-cost).
build/$(1)/cong-bare: build/$(1)/gateway/main.o $$(BARE:%.c=build/$(1)/%.o) $$(lib.$(1))
build/$(1)/cong-bench: build/$(1)/bench/main.o build/$(1)/libbench.a $$(lib.$(1))
build/$(1)/peer-client: $$(PEER_CLIENT:%.c=build/$(1)/%.o) build/$(1)/libbench.a $$(lib.$(1))
$$(programs.$(1)) build/$(1)/cong-bare build/$(1)/peer-client:
	$$(call say,LINK,$$@)
	@$$(link.$(1)) $$^ -o $$@ $$(LIBS) $$(LIBS.$(1))

$$(unit.$(1)): %: %.o build/$(1)/libfakes.a build/$(1)/libbench.a $$(lib.$(1))
	$$(call say,LINK,$$@)
	@$$(link.$(1)) $$^ -o $$@ $$(LIBS) -lcmocka

unit-$(1): $$(unit.$(1))
	+@scripts/run_unit $$^

e2e-$(1): $$(programs.$(1))
	+@CONG_BUILD=build/$(1) scripts/run_e2e
endef
$(foreach flavour,$(FLAVOURS),$(eval $(call flavour_rules,$(flavour))))
-include $(shell find build -name '*.d' 2>/dev/null)

all: $(programs.release) $(lib.release) ## build the release (the default)
debug: $(programs.debug) ## build for a debugger
run: ## set up, build, and run the demo until Ctrl-C
	+@scripts/setup && $(MAKE) all && exec scripts/run_demo

# --- tests -------------------------------------------------------------------------------------
test: ## set up, then everything below that judges: checks, unit, e2e, fuzz-regress
	+@scripts/setup && scripts/run_tests $(CHECKS) unit e2e $(FUZZ_REGRESS)
unit: unit-debug ## unit tests
e2e: e2e-release ## end-to-end tests
asan: ## unit and end-to-end tests with sanitizers
	+@scripts/run_tests unit-asan e2e-asan

FUZZ_RUN := $(FUZZERS:%=fuzz-run-%)
FUZZ_REGRESS := $(FUZZERS:%=fuzz-regress-%)
fuzz: $(FUZZ_RUN) ## fuzz every parser for FUZZ_SECONDS (120) each
fuzz-regress: $(FUZZ_REGRESS) ## replay the inputs that fuzzing has found
# What is kept, and the cases of the end-to-end tests.
fuzz_seeds = $(wildcard tests/fuzz/corpus/$(1) tests/fuzz/regress/$(1)) \
             $$(ls -d build/fuzz/seeds/$(1) 2>/dev/null)
build/fuzz/seeds: scripts/fuzz_seeds tests/e2e/env/ambiguous.py
	@scripts/fuzz_seeds $@ && touch $@

build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o build/fuzz/libfakes.a $(lib.fuzz)
	$(call say,LINK,$@)
	@$(link.fuzz) -fsanitize=fuzzer $^ -o $@ $(LIBS)
$(FUZZ_RUN): fuzz-run-%: build/fuzz/fuzz_% build/fuzz/seeds
	$(call say,FUZZ,$*)
	+@mkdir -p build/fuzz/corpus/$* && $< -max_total_time=$(FUZZ_SECONDS) \
	    -artifact_prefix=build/fuzz/$*- build/fuzz/corpus/$* $(call fuzz_seeds,$*)
$(FUZZ_REGRESS): fuzz-regress-%: build/fuzz/fuzz_% build/fuzz/seeds
	$(call say,REPLAY,$*)
	@$< -runs=0 $(call fuzz_seeds,$*) 2>$<.log || { cat $<.log; false; }

# --- checks ------------------------------------------------------------------------------------
CHECKS := $(addprefix check-,format layers size banned headers settings threats tidy)
SOURCES := $(wildcard $(addsuffix .[ch],gateway/* gateway/*/* bench/* bench/*/* tests/*/* tests/*/*/*))
TIDY := $(patsubst %,build/tidy/%.ok,$(wildcard gateway/*.c) $(GATEWAY) $(wildcard bench/*.c bench/*/*.c))

check: ## formatting, clang-tidy, layers, sizes, banned functions, documented settings
	+@scripts/run_tests $(CHECKS)
format: ## format the C sources
	@clang-format-14 -i $(SOURCES)
check-format:
	@clang-format-14 --dry-run --Werror $(SOURCES)
check-layers check-size check-banned check-settings check-threats: check-%:
	@scripts/check_$*
check-headers: $(HEADERS:%=build/headers/%.ok)
check-tidy: $(TIDY)

# Each header compiles alone.
build/headers/%.ok: % Makefile
	$(call say,HEADER,$<)
	@mkdir -p $(@D)
	@gcc -std=c11 $(CPPFLAGS) $(WARNINGS) -MMD -MP -MF $@.d -MT $@ -fsyntax-only -x c $< && touch $@
build/tidy/%.ok: % .clang-tidy Makefile
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	@clang-tidy-14 --quiet $< -- -std=c11 $(CPPFLAGS) 2>$@.log || { cat $@.log; false; }
	@gcc $(CPPFLAGS) -MM -MP -MF $@.d -MT $@ $< && touch $@

# --- the proof ---------------------------------------------------------------------------------
proof: ## set up, build, then hold 120,000 users (20 minutes) and say PASS, FAIL or INVALID
	+@scripts/setup && $(MAKE) all && exec build/release/cong-bench run hold
proof-quick: ## the same with 10,000 users in two minutes
	+@scripts/setup && $(MAKE) all && \
	    exec build/release/cong-bench run hold --users-scale 0.0833 --scale 0.12

# --- comparison with others --------------------------------------------------------------------
bench-peers: ## set up, build, then Cổng beside nginx and HAProxy (hours; PEERS="--quick" to try)
	+@scripts/setup && scripts/setup peers && $(MAKE) all build/release/peer-client && \
	    exec bench/peers/compare.py $(PEERS)

bench-faults: ## set up, build, then the three in front of provinces of which some are broken (11 minutes)
	+@scripts/setup && scripts/setup peers && $(MAKE) all && exec bench/peers/faults.py

bench-cost: ## set up, build, then what sessions, limits and policies cost, in instructions a request
	+@scripts/setup && scripts/setup cost && $(MAKE) all build/release/cong-bare && bench/cost/shared_state.py --check && \
	    exec bench/cost/balancing.py --check

# --- the rest ----------------------------------------------------------------------------------
install: all ## install to PREFIX (/usr/local), under DESTDIR if that is set
	install -D -t $(DESTDIR)$(PREFIX)/bin $(programs.release)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/cong config/*.yaml
docker: ## build the container image
	docker build -t cong .
clean: ## remove all that was built
	rm -rf build
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: all debug run test unit e2e asan fuzz fuzz-regress check format proof proof-quick \
        bench-peers bench-faults bench-cost install docker clean help \
        $(CHECKS) $(FUZZ_RUN) $(FUZZ_REGRESS) $(FLAVOURS:%=unit-%) $(FLAVOURS:%=e2e-%)
