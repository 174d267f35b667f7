# pcap: `make help` lists the targets. Each installs what it needs and the machine lacks.

PREFIX ?= /usr/local
LUA_VERSION = 5.1
LUADIR ?= $(PREFIX)/share/lua/$(LUA_VERSION)
LIBDIR ?= $(PREFIX)/lib/lua/$(LUA_VERSION)

CC ?= cc
CFLAGS ?= -O2 -g
# fwrite_unlocked and the u_char of pcap.h are not in strict C11.
SHIM_CFLAGS = -std=c11 -Wall -Wextra -Wpedantic -Werror -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-fPIC -fvisibility=hidden -Ibuild -Ishim
# nodelete: a thread of the shim may outlive lua_close(), which would unmap its code.
SHIM_LDFLAGS = -shared -Wl,-z,nodelete

SHIM = build/pcap/shim.so
SHIM_SOURCES = $(wildcard shim/*.c)
LUA_SOURCES = $(shell find lua -name '*.lua')

BENCH_PROGRAMS = build/bench/generate build/bench/measure build/bench/peer build/bench/inject
LUAJIT_CFLAGS = -I/usr/include/luajit-2.1

# zlib1g-dev is for compressed savefiles; without it all else is built.
BUILD_PACKAGES = gcc libc6-dev libpcap-dev zlib1g-dev
RUN_PACKAGES = luajit2 $(BUILD_PACKAGES)
TEST_PACKAGES = $(RUN_PACKAGES) lua-busted luarocks tcpdump tshark iproute2 procps valgrind \
	lua-cqueues lua-socket lua-posix strace zstd xz-utils bzip2 lz4
BENCH_PACKAGES = $(RUN_PACKAGES) libluajit2-5.1-dev gnuplot-nox iproute2 procps tcpreplay
OPENRESTY_PACKAGES = $(RUN_PACKAGES) nginx libnginx-mod-http-lua lua-cjson
OPENRESTY_TEST_PACKAGES = $(OPENRESTY_PACKAGES) tcpreplay curl iproute2 procps util-linux \
	libcap2-bin chromium
OPENRESTY_BENCH_PACKAGES = $(OPENRESTY_PACKAGES) tcpreplay wrk curl iproute2 procps
# Drives the demo's page in Debian's Chromium.
PLAYWRIGHT = build/browser/node_modules/playwright-core
PLAYWRIGHT_VERSION = 1.55.0
LINT_PACKAGES = $(RUN_PACKAGES) lua-check cppcheck clang-format

# What runs from the source folder finds the module there.
export LUA_PATH := $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;
export LUA_CPATH := $(CURDIR)/build/?.so;;

all: $(SHIM) ## build the C part

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 18

demo: deps-run all ## write a capture, read it back, and capture live where permitted
	@luajit examples/demo.lua

demo-openresty: deps-openresty all ## watch loopback live in a browser, served by nginx
	@sh examples/openresty/run.sh

test: deps-test $(PLAYWRIGHT) all ## run everything that proves the module
	@sh scripts/test.sh

abicheck: build/dlt_names.inc ## compare the Lua declarations with the C headers
	@luajit scripts/abicheck.lua > build/abicheck.c
	@$(CC) $(CPPFLAGS) $(SHIM_CFLAGS) -fsyntax-only build/abicheck.c

lint: deps-lint build/dlt_names.inc ## check style and look for common mistakes
	@luacheck -q .
	@clang-format --dry-run -Werror shim/*.[ch]
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem -Ibuild -Ishim shim

format: ## lay out the C sources
	clang-format -i shim/*.[ch]

campaign: deps-test all ## compare 200,000 random filters with libpcap (minutes)
	@luajit spec/campaign/bpf_campaign.lua 200000
	@luajit -joff spec/campaign/bpf_campaign.lua 30000

bench: deps-bench all $(BENCH_PROGRAMS) ## time this library beside C and others
	@GO111MODULE=off GOPATH=/usr/share/gocode go build -o build/bench/gopacket bench/gopacket.go \
	  2>/dev/null || echo "No Go, or no gopacket, to compare with"
	@$(CC) -O2 -shared -fPIC $(LUAJIT_CFLAGS) bench/binding.c -o build/bench/binding.so -lpcap \
	  2>/dev/null || echo "No headers of LuaJIT to build a binding in C with"
	@luajit bench/run.lua

bench-openresty: deps-bench-openresty all ## time capture inside nginx beside a sleep loop
	@luajit bench/openresty.lua

install: all ## install under PREFIX (and DESTDIR)
	@for file in $(LUA_SOURCES:lua/%=%); do \
	  install -D -m 644 "lua/$$file" "$(DESTDIR)$(LUADIR)/$$file" || exit 1; \
	done
	install -D -m 755 $(SHIM) "$(DESTDIR)$(LIBDIR)/pcap/shim.so"

clean: ## remove what was built
	rm -rf build

deps-run:
	@sh scripts/install-deps.sh $(RUN_PACKAGES)

deps-test:
	@sh scripts/install-deps.sh $(TEST_PACKAGES) $(OPENRESTY_TEST_PACKAGES)
	@command -v npm >/dev/null || sh scripts/install-deps.sh nodejs npm

deps-openresty:
	@sh scripts/install-deps.sh $(OPENRESTY_PACKAGES)

deps-bench:
	@sh scripts/install-deps.sh $(BENCH_PACKAGES)

deps-bench-openresty:
	@sh scripts/install-deps.sh $(OPENRESTY_BENCH_PACKAGES)

deps-lint:
	@sh scripts/install-deps.sh $(LINT_PACKAGES)

$(PLAYWRIGHT): | deps-test
	@mkdir -p build/browser
	@echo "Installing with npm: playwright-core $(PLAYWRIGHT_VERSION)"
	@npm install --silent --no-audit --no-fund --prefix build/browser \
	  playwright-core@$(PLAYWRIGHT_VERSION)

build/dlt_names.inc: shim/dlt_names.sh
	@mkdir -p build
	@CC="$(CC)" sh shim/dlt_names.sh > $@.part && mv $@.part $@

build/bench/%: bench/%.c
	@mkdir -p build/bench
	@$(CC) -O2 -D_GNU_SOURCE $< -o $@ -lpcap

$(SHIM): $(SHIM_SOURCES) $(wildcard shim/*.h) build/dlt_names.inc
	@mkdir -p build/pcap
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS) $(SHIM_SOURCES) -o $@ $(LDFLAGS) $(SHIM_LDFLAGS) \
	  -lpcap -pthread

# The packages come first, whatever -j says.
.NOTPARALLEL:
.PHONY: all help demo demo-openresty test abicheck campaign bench bench-openresty lint format \
	install clean deps-run deps-openresty deps-test deps-bench deps-bench-openresty deps-lint
