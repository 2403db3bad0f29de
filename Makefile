# elbo: variational EM for model-based reinforcement learning.
#
#   make            build/elbo, the program
#   make demo       install what is missing, build, show objective mismatch and a cure
#   make check      the same set-up, then every test
#   make asan       the tests under gcc's address and undefined-behaviour sanitizers
#   make bench      benchmarks: ratios taken in one run (peers skipped if absent)
#   make papers     the experiments of papers/ in full; rewrites their figures
#   make lint       include arrows, warnings as errors, layout
#   make format     clang-format over the tree
#   make install    under PREFIX (default /usr/local), honouring DESTDIR
#   make clean      remove build/ and runs/

MODE   ?= release
MARCH  ?= native
PREFIX ?= /usr/local
CC     ?= cc
B      := build/$(MODE)
ROOMS  := inference/core inference inference/weight inference/likelihood \
          inference/transition inference/gradient inference/language \
          inference/messages inference/networks models control envs
SRC    := $(wildcard $(ROOMS:%=%/*.c))
PROGRAM := $(filter-out inference/program/main.c,$(wildcard inference/program/*.c))
MAIN   := inference/program/main.c
TESTS  := $(wildcard tests/*.c)
BENCH  := $(wildcard tests/bench/*.c)
OBJ     = $(SRC:%.c=$(B)/%.o) $(PROGRAM:%.c=$(B)/%.o) $(B)/survey.o

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wvla -Wdouble-promotion -Wwrite-strings
SANITIZE_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
                 -fno-omit-frame-pointer
SANITIZE_lint := -O1
OPTIMIZE := $(or $(SANITIZE_$(MODE)),-O3)
DEMO   := tests/data/demo.yaml
VERSION := $(shell cat inference/program/VERSION 2>/dev/null)
COMPILE = $(CC) -std=c11 $(OPTIMIZE) -march=$(MARCH) -fopenmp -ffp-contract=off \
          -fPIC -I. -MMD -MP -D_POSIX_C_SOURCE=200809L $(WARN) $(CPPFLAGS) $(CFLAGS)
LIBS := -lgsl -llapacke -llapack -Wl,--push-state,--no-as-needed -lblas \
        -Wl,--pop-state -lyaml -ljansson -lxxhash -lm
LINK = $(CC) $(OPTIMIZE) -fopenmp $(LDFLAGS)

all: build/elbo

build/elbo: $(B)/elbo
	@ln -sfn $(MODE)/elbo $@

$(B)/elbo: $(B)/$(MAIN:.c=.o) $(B)/libelbo.a
	@echo "  LD $@"
	@$(LINK) -o $@ $^ $(LIBS)

$(B)/libelbo.a: $(OBJ)
	@rm -f $@
	@$(AR) rcs $@ $^

# What this build is, for --version and manifests; rewritten when it changes.
GIT := $(shell git describe --always --dirty 2>/dev/null)
$(B)/identity: FORCE
	@mkdir -p $(@D)
	@echo "$(VERSION) $(GIT)" | cmp -s - $@ || echo "$(VERSION) $(GIT)" > $@
IDENTIFIED := $(addprefix $(B)/inference/program/,main.o command.o manifest.o resume.o reopen.o)
$(IDENTIFIED): $(B)/identity
$(IDENTIFIED): CPPFLAGS += -DELBO_VERSION='"$(VERSION)"' -DELBO_GIT='"$(GIT)"'
FORCE:

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(COMPILE) -c $< -o $@

# Square roots go in vectors only where they need not set errno; their bits stay.
$(addprefix $(B)/,inference/networks/adam.o inference/core/tape_f32.o \
    inference/core/rng_rows.o models/ensemble_draw.o): COMPILE += -fno-math-errno

# The table of papers, from the one file that names them.
$(B)/survey.c: papers/survey.csv inference/program/papers.awk
	@mkdir -p $(@D)
	@awk -f inference/program/papers.awk papers/survey.csv > $@

$(B)/survey.o: $(B)/survey.c
	@$(COMPILE) -c $< -o $@

$(B)/elbo-tests: $(TESTS:%.c=$(B)/%.o) $(B)/libelbo.a
	@$(LINK) -o $@ $^ $$(pkg-config --libs check) $(LIBS)


# Each benchmark is a program of its own.
$(B)/bench/%: $(B)/tests/bench/%.o $(B)/libelbo.a
	@mkdir -p $(@D)
	@$(LINK) -o $@ $^ $(LIBS)

JOBS := -j$(shell nproc 2>/dev/null || echo 2)

setup:
	@sh .ci/setup

demo: setup
	@$(MAKE) --no-print-directory $(JOBS) build/elbo
	@echo "A model too coarse for its world, by maximum likelihood:"
	build/elbo run $(DEMO) -f -q -o runs/maximum-likelihood
	@echo "The same experiment, one line changed:"
	build/elbo run $(DEMO) -f -q -o runs/weighted \
	    'inference.weight=occupancy(aggregate, current, 0.1) / occupancy(data)'
	build/elbo plot elbo runs/maximum-likelihood runs/weighted
	build/elbo plot mismatch runs/maximum-likelihood runs/weighted

check: setup
	@$(MAKE) --no-print-directory $(JOBS) $(B)/elbo $(B)/elbo-tests
	tests/run.sh $(B)/elbo-tests
	tests/program.sh $(B)/elbo
	tests/hostile.sh $(B)/elbo

asan: setup
	@CK_FORK=no KILLS=10 $(MAKE) --no-print-directory MODE=asan check

bench: setup
	@$(MAKE) --no-print-directory $(JOBS) build/elbo $(BENCH:tests/bench/%.c=$(B)/bench/%)
	tests/bench/run.sh $(B)

papers: setup
	@$(MAKE) --no-print-directory $(JOBS) build/elbo
	papers/run.sh build/elbo

lint: setup
	@tests/lint-includes
	@tests/lint-papers
	@$(MAKE) --no-print-directory $(JOBS) MODE=lint CFLAGS=-Werror \
	    build/lint/elbo build/lint/elbo-tests
	@! grep -nE '\b(strcpy|strcat|sprintf|gets|system|popen|alloca)\(' \
	    $$(git ls-files -co --exclude-standard '*.c' '*.h')
	@awk 'length > 100 { print FILENAME ":" FNR ": over 100 columns"; bad = 1 } \
	    END { exit bad }' $$(git ls-files -co --exclude-standard '*.c' '*.h')
	@echo "lint: clean"

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

install: all $(B)/libelbo.so
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	    $(DESTDIR)$(PREFIX)/share/elbo/plots
	install $(B)/elbo $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(B)/libelbo.a $(B)/libelbo.so $(DESTDIR)$(PREFIX)/lib
	install -m 644 plots/*.gp $(DESTDIR)$(PREFIX)/share/elbo/plots
	for h in $(wildcard $(ROOMS:%=%/*.h)); do \
	    install -D -m 644 $$h $(DESTDIR)$(PREFIX)/include/elbo/$$h; done
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' elbo.pc.in \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/elbo.pc

$(B)/libelbo.so: $(OBJ)
	@$(LINK) -shared -Wl,-soname,libelbo.so -o $@ $^ $(LIBS)

clean:
	rm -rf build runs

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all setup demo check asan bench papers lint format install clean
.DELETE_ON_ERROR:
