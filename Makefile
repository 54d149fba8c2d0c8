# Coluber's commands. Each sets up what it needs; PYTHON=/path/to/python3.11 chooses the base Python (see tools/find-python).

PYTHON ?=
SCRIPT ?=
ARGS ?=
# What `make bench` measures: names and groups of programs, the product's form (executable or extension), seconds of each process.
ONLY ?= all
FORM ?= executable
SECONDS ?= 3
# The profile that `make test` runs its programs with: dev has debug assertions on.
PROFILE ?= dev
CARGO ?= cargo
CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR

folder = $(CARGO_TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
coluber = $(CARGO_TARGET_DIR)/release/coluber

# The first step of every command: the base Python in $$COLUBER_PYTHON, the Rust packages on disk.
setup = COLUBER_PYTHON=$$(PYTHON='$(PYTHON)' tools/find-python $(1)) && \
	COLUBER_PYTHON_BUILD=$$("$$COLUBER_PYTHON" -I -S -c 'import sys; print(sys.version)') && \
	export COLUBER_PYTHON COLUBER_PYTHON_BUILD && tools/fetch-packages
comma := ,
library = CARGO='$(CARGO)' tools/build-library
executable = echo 'building $(coluber)' && $(library) && tools/place-executable '$(CARGO_TARGET_DIR)/release'
extension = $(library) && tools/place-extension '$(CARGO_TARGET_DIR)/release' build/ext

# What of each form is built, and how bench.py is told.
bench-executable = $(executable)
bench-extension = $(extension)
under-test-executable = --coluber '$(coluber)'
under-test-extension = --extension build/ext

bench.py = "$$COLUBER_PYTHON" benchmarks/bench.py --base "$$COLUBER_PYTHON" --only '$(ONLY)'

.DEFAULT_GOAL := help
.PHONY: help run bench bench-peers build ext test smoke regrtest debug-python search force-guards fail-allocations bisect prove extensions clean

help:
	@echo 'make run [SCRIPT=x.py] [ARGS=…]  build, then time examples/ (or the script) under python3.11 and coluber'
	@echo 'make test                        all checks and tests'
	@echo 'make regrtest [JIT=off|on|stress] [LEAKS=3:3] [ONLY=test_a,test_b]'
	@echo '                                 the base Python'"'"'s own regression suite: what differs (see tests/run_regrtest.py)'
	@echo 'make debug-python [ONLY=test_a,test_b] [JIT=off|on|stress]'
	@echo '                                 the differential programs (or files of the suite) under Debian'"'"'s debug build of Python'
	@echo 'make bisect SCRIPT=x.py [ARGS=…] find the trace, function and part of the optimizer that make a program go wrong'
	@echo 'make search [COUNT=300] [SEED=n] random programs, recordings and traces that nobody has seen: what differs'
	@echo 'make force-guards [ONLY=name]    fail every guard of every trace once, compare the frames with the interpreter'"'"'s'
	@echo 'make fail-allocations [ONLY=name] fail every allocation of Coluber'"'"'s own once: results, crashes, leaks'
	@echo 'make prove                       prove the optimizer'"'"'s rewrite rules with Z3'
	@echo 'make extensions [THRESHOLD=20] [ONLY=greenlet,numpy]'
	@echo '                                 tests of extension modules from PyPI: what differs (see tests/run_extensions.py)'
	@echo 'make bench [ONLY=name,group] [FORM=extension] [SECONDS=3]'
	@echo '                                 build, then measure benchmarks side by side: table, and build/bench/'
	@echo 'make bench-peers                 install what is compared with besides the base Python: PyPy'
	@echo 'make build                       the executable: target/release/coluber'
	@echo 'make ext                         the extension module for a stock python3.11: build/ext'
	@echo 'make clean                       remove what was built'
	@echo 'PYTHON=/path/to/python3.11       with any of them: the base Python'

run:
	@$(call setup) && $(executable) && \
	"$$COLUBER_PYTHON" tools/run_table.py --coluber '$(coluber)' $(if $(SCRIPT),'$(SCRIPT)' $(ARGS))

bench:
	@$(if $(filter executable extension,$(FORM)),,$(error FORM=$(FORM) is neither executable nor extension)) \
	$(call setup) && $(bench.py) --list >/dev/null && $(bench-$(FORM)) && \
	$(bench.py) $(under-test-$(FORM)) --columns off,on,pypy --seconds '$(SECONDS)' --processes 1 --again 2 --output build/bench/$(FORM)

bench-peers:
	@tools/install-peers

build:
	@$(call setup) && $(executable)

ext:
	@$(call setup) && $(extension) && echo 'built build/ext'

test:
	@$(call setup,--with-venv --with-suite) && \
	"$$COLUBER_PYTHON" tools/run_tests.py --cargo '$(CARGO)' --profile '$(PROFILE)' --folder '$(folder)'

# JIT: modes, with commas. ONLY: test files, with commas. JOBS: files at once. TIMEOUT: seconds for one. THRESHOLD: turns of a
# loop before it is compiled. RESOURCES: what `python -m test -u` takes. IGNORE: what its -i takes. REFRESH=1: run the base Python again.
# LEAKS: runs to warm up and runs in which references and memory blocks are counted, 3:3 for example.
regrtest:
	@$(call setup,--with-suite) && $(executable) && \
	"$$COLUBER_PYTHON" tests/run_regrtest.py --coluber '$(coluber)' $(regrtest-options) $(subst $(comma), ,$(ONLY))
regrtest-options = --jit '$(or $(JIT),off)' \
	$(if $(JOBS),--jobs '$(JOBS)') $(if $(TIMEOUT),--seconds '$(TIMEOUT)') $(if $(THRESHOLD),--threshold '$(THRESHOLD)') \
	$(if $(RESOURCES),--resources '$(RESOURCES)') $(if $(IGNORE),--ignore '$(IGNORE)') $(if $(LEAKS),--leaks '$(LEAKS)') $(if $(REFRESH),--refresh)

# Its assertions look at what our code leaves behind, its allocators at what is written behind the end or after the free. Without
# two programs: the sign of a NaN depends on how CPython was compiled, and that build itself fails an assertion when memory is out.
debug-python:
	@python=$(if $(PYTHON),'$(PYTHON)',$$(tools/unpack-debug-python build/debug-python)) && \
	$(MAKE) --no-print-directory build PYTHON="$$python" CARGO_TARGET_DIR='$(debug-target)' && \
	if [ '$(ONLY)' = all ]; then "$$python" tests/run_differential.py --coluber '$(debug-target)/release/coluber' \
	--without contract_7_numbers_and_order --without memory_runs_out_in_hot_loops; \
	else "$$python" tests/run_regrtest.py --coluber '$(debug-target)/release/coluber' $(regrtest-options) $(subst $(comma), ,$(ONLY)); fi
debug-target = $(CURDIR)/build/debug-python/target

# COUNT: how many programs; in a twentieth as many each guard is failed, too. Of recordings, which are optimized and evaluated, and of
# traces, which are compiled and run, there are thirty times as many. SEED: the first of each; without it the seconds of the clock, so that
# each search goes elsewhere.
search:
	@$(call setup) && $(executable) && \
	first=$(or $(SEED),$$(date +%s)) && programs=$(or $(COUNT),300) && export RANDOM_SEEDS=$$first..$$((first + 30 * programs)) && \
	"$$COLUBER_PYTHON" tests/random_programs.py --base "$$COLUBER_PYTHON" --coluber '$(coluber)' --modes off,on,stress --seed $$first --count $$programs && \
	"$$COLUBER_PYTHON" tests/random_programs.py --base "$$COLUBER_PYTHON" --coluber '$(coluber)' --modes guards --seed $$first --count $$((programs / 20 + 1)) && \
	$(CARGO) test -q --release -p tracer --test random && \
	$(CARGO) test -q --release -p backend --test random -- further_seeds && \
	echo "recordings and traces of seeds $$RANDOM_SEEDS: 0 differ"

# ONLY: benchmarks (names and groups of `make bench`); without it all differential programs, the examples and some of pyperformance's.
force-guards:
	@$(call setup) && $(executable) && \
	$(if $(filter all,$(ONLY)),"$$COLUBER_PYTHON" tests/force_guards.py --coluber '$(coluber)' &&) \
	"$$COLUBER_PYTHON" tests/force_guards.py --coluber '$(coluber)' --only '$(if $(filter all,$(ONLY)),$(forced),$(ONLY))'
forced = examples,nbody,spectral_norm,fannkuch,float,scimark_sor,scimark_monte_carlo,scimark_lu,scimark_fft,chaos,raytrace,nqueens,hexiom,deltablue,richards,go

# ONLY: programs of tests/fail_allocations.
fail-allocations:
	@$(call setup) && $(executable) && \
	"$$COLUBER_PYTHON" tests/fail_allocations.py --coluber '$(coluber)' $(if $(filter-out all,$(ONLY)),--only '$(ONLY)')

bisect:
	@$(if $(SCRIPT),,$(error SCRIPT=program.py is missing)) \
	$(call setup) && $(executable) && tools/bisect-program --coluber '$(coluber)' --base "$$COLUBER_PYTHON" '$(SCRIPT)' $(ARGS)

prove:
	@$(call setup) && tools/prove-rules

# ONLY: packages, with commas. THRESHOLD: turns of a loop before it is compiled. REFRESH=1: run the base Python again.
extensions:
	@$(call setup,--with-venv) && $(executable) && \
	"$$COLUBER_PYTHON" tests/run_extensions.py --coluber '$(coluber)' $(if $(filter-out all,$(ONLY)),--only '$(ONLY)') \
	$(if $(THRESHOLD),--threshold '$(THRESHOLD)') $(if $(REFRESH),--refresh)

# The executable's own tests alone: for a second kind of Python.
smoke:
	@$(call setup,--with-venv) && \
	"$$COLUBER_PYTHON" tools/run_tests.py --cargo '$(CARGO)' --profile '$(PROFILE)' --folder '$(folder)' --smoke

clean:
	@$(CARGO) clean -q
	@rm -rf build
