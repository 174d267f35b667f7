# pcap: `make help` lists the targets. Most install what they need and the machine lacks.

# A BSD make takes this line for a message and stops. For GNU make it is a variable.
.error = This Makefile is for GNU make. Install it and type gmake or make.

PREFIX ?= /usr/local
LUA_VERSION = 5.1
LUADIR ?= $(PREFIX)/share/lua/$(LUA_VERSION)
LIBDIR ?= $(PREFIX)/lib/lua/$(LUA_VERSION)
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/pcap

CC ?= cc
CFLAGS ?= -O2 -g
# The user's CFLAGS stand between: they may add or take warnings, but not what the module needs.
# Warnings are errors in `make lint` alone: compilers and headers that are newer than this file warn
# of more. fwrite_unlocked and the u_char of pcap.h are not in strict C11.
WARNINGS = -Wall -Wextra -Wpedantic
SHIM_CFLAGS = -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fPIC -fvisibility=hidden
SHIM_COMPILE = $(CC) -Ibuild -Ishim $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(SHIM_CFLAGS)
SHIM_LDFLAGS = -shared
# nodelete: a thread of the shim may outlive lua_close(), which would unmap its code. The linkers of
# Linux and the BSDs know it, macOS's does not.
ifneq ($(shell uname -s),Darwin)
SHIM_LDFLAGS += -Wl,-z,nodelete
endif

SHIM = build/pcap/shim.so
SHIM_SOURCES = $(wildcard shim/*.c)
LUA_SOURCES = $(shell find lua -name '*.lua')
DOCUMENTS = LICENSE README.md CHANGELOG.md bench/RESULTS.md bench/results.svg \
	$(shell find docs examples -type f)

BENCH_PROGRAMS = build/bench/generate build/bench/measure build/bench/peer build/bench/inject
LUAJIT_CFLAGS = -I/usr/include/luajit-2.1

# What is asked of scripts/install-deps.sh: a|b is the first that Debian has; a group after --for may
# be left out. Debian 12's luajit is another branch than that of nginx's module, which takes luajit2;
# later ones have one branch and call it luajit. RUN_PACKAGES ends with a group: others go before it.
RUN_PACKAGES = 'luajit2|luajit' gcc libc6-dev libpcap-dev \
	--for "compressed savefiles" zlib1g-dev libzstd1
NGINX_PACKAGES = nginx libnginx-mod-http-lua lua-cjson
TEST_PACKAGES = lua-busted $(RUN_PACKAGES) \
	--for "the command" lua-argparse \
	--for "comparisons with other programs" luarocks git lua5.1 tcpdump tshark strace valgrind \
	  zstd xz-utils bzip2 lz4 lua-cqueues lua-socket lua-posix bmake jq \
	--for "live capture" iproute2 nftables procps util-linux \
	--for "capture in nginx" $(NGINX_PACKAGES) curl iproute2 procps util-linux libcap2-bin \
	--for "the demo's page in a browser" $(NGINX_PACKAGES) curl chromium chromium-driver
BENCH_PACKAGES = 'libluajit2-5.1-dev|libluajit-5.1-dev' gnuplot-nox iproute2 procps tcpreplay \
	$(RUN_PACKAGES)
OPENRESTY_PACKAGES = $(NGINX_PACKAGES) $(RUN_PACKAGES)
OPENRESTY_BENCH_PACKAGES = tcpreplay wrk curl iproute2 procps tcpdump lua-argparse \
	$(OPENRESTY_PACKAGES)
DEB_PACKAGES = git build-essential debhelper dpkg-dev fakeroot lintian lua-busted curl \
	zlib1g-dev libzstd1 $(NGINX_PACKAGES) $(RUN_PACKAGES)
PORTABLE_PACKAGES = lua-busted clang libbsd-dev musl-tools dpkg-dev zlib1g-dev libzstd1 zstd \
	iproute2 $(RUN_PACKAGES)
LINT_PACKAGES = lua-check cppcheck clang-format $(RUN_PACKAGES)

# What runs from the source folder finds the module there.
export LUA_PATH := $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;
export LUA_CPATH := $(CURDIR)/build/?.so;;

all: $(SHIM) ## build the C part

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 18

demo: deps-run all ## write a capture, read it back, and capture live where permitted
	@luajit examples/demo.lua

picture: all ## draw README's picture of the demo
	@{ echo '$$ make demo'; luajit examples/demo.lua; } | luajit scripts/picture.lua >docs/demo.svg

demo-openresty: deps-openresty all ## watch loopback live in a browser, served by nginx
	@sh examples/openresty/run.sh

test: deps-test all ## install what is missing, and run everything that proves the module
	@sh scripts/test.sh $(SPECS)

check: all ## run what the installed packages allow, and name what is skipped; SPECS=spec/x_spec.lua
	@sh scripts/test.sh $(SPECS)

test-in: ## the README's commands in a new Debian: RELEASE=trixie ARCH=i386
	@sh scripts/test-in.sh $(RELEASE) $(ARCH)

test-arch: ## run specs on another architecture, under qemu-user: ARCH=arm64 SPECS=spec/x_spec.lua
	@sh scripts/test-arch.sh $(ARCH) $(SPECS)

portable: deps-portable ## build as other compilers and systems do, and run specs on each: SPECS=
	@sh scripts/portable.sh $(SPECS)

test-deb: deps-deb ## build Debian's package, install it, use it in luajit and nginx, remove it
	@sh scripts/test-deb.sh

test-deb-in: ## the same in a new Debian: RELEASE=trixie ARCH=i386
	@sh scripts/test-in.sh "$(RELEASE)" "$(ARCH)" "make test-deb"

release: ## tag and pack a version, if all places tell the same: VERSION=x.y.z
	@sh scripts/release.sh "$(VERSION)"

rockspecs: ## write the rockspecs for the version in lua/pcap/init.lua
	@sh scripts/release.sh rockspecs

abicheck: build/dlt_names.inc ## compare the Lua declarations with the C headers
	@luajit scripts/abicheck.lua > build/abicheck.c
	@$(SHIM_COMPILE) -fsyntax-only build/abicheck.c

lint: deps-lint build/dlt_names.inc ## check style and look for common mistakes
	@luacheck -q .
	@clang-format --dry-run -Werror shim/*.[ch]
	@$(SHIM_COMPILE) -Werror -shared $(SHIM_SOURCES) -o build/lint.so
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem -Ibuild -Ishim shim

format: ## lay out the C sources
	clang-format -i shim/*.[ch]

campaign: deps-test all ## compare random filters and savefiles with libpcap (an hour)
	@luajit spec/campaign/bpf_campaign.lua 200000
	@luajit -joff spec/campaign/bpf_campaign.lua 30000
	@luajit spec/campaign/savefile_campaign.lua 100000
	@luajit spec/campaign/pcapng_campaign.lua 100000 1

bench: deps-bench all $(BENCH_PROGRAMS) ## time this library beside C and others
	@GO111MODULE=off GOPATH=/usr/share/gocode go build -o build/bench/gopacket bench/gopacket.go \
	  2>/dev/null || echo "No Go, or no gopacket, to compare with"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -shared -fPIC $(LUAJIT_CFLAGS) bench/binding.c $(LDFLAGS) \
	  -o build/bench/binding.so -lpcap \
	  2>/dev/null || echo "No headers of LuaJIT to build a binding in C with"
	@luajit bench/run.lua

bench-openresty: deps-bench-openresty all build/bench/peer ## time capture inside nginx beside a sleep loop
	@luajit bench/openresty.lua

soak: deps-bench-openresty all ## capture in nginx for half an hour, with reloads, kills and lost interfaces
	@luajit bench/soak.lua

# Installs a file with a mode, and makes its folder. (install -D is GNU's.)
INSTALL = put() { mkdir -p "$${3%/*}" && install -m "$$1" "$$2" "$$3"; }; put

install: all ## install under PREFIX (and DESTDIR)
	@for file in $(LUA_SOURCES:lua/%=%); do \
	  $(INSTALL) 644 "lua/$$file" "$(DESTDIR)$(LUADIR)/$$file" || exit 1; \
	done
	@for file in $(DOCUMENTS); do \
	  $(INSTALL) 644 "$$file" "$(DESTDIR)$(DOCDIR)/$$file" || exit 1; \
	done
	$(INSTALL) 755 $(SHIM) "$(DESTDIR)$(LIBDIR)/pcap/shim.so"
	$(INSTALL) 755 bin/pcap "$(DESTDIR)$(BINDIR)/pcap"
	$(INSTALL) 644 bin/pcap.1 "$(DESTDIR)$(MANDIR)/man1/pcap.1"

uninstall: ## remove what `make install` put there
	@for file in $(LUA_SOURCES:lua/%=%); do rm -f "$(DESTDIR)$(LUADIR)/$$file" || exit 1; done
	@for file in $(DOCUMENTS); do rm -f "$(DESTDIR)$(DOCDIR)/$$file" || exit 1; done
	rm -f "$(DESTDIR)$(LIBDIR)/pcap/shim.so" "$(DESTDIR)$(BINDIR)/pcap" \
	  "$(DESTDIR)$(MANDIR)/man1/pcap.1"
	@for folder in "$(LUADIR)/pcap" "$(LIBDIR)/pcap" "$(DOCDIR)"; do \
	  [ ! -d "$(DESTDIR)$$folder" ] || find "$(DESTDIR)$$folder" -depth -type d -empty -delete; \
	done
	@rmdir "$(DESTDIR)$(LUADIR)/resty" 2>/dev/null || : # if nobody else has a file there

clean: ## remove what was built
	rm -rf build

deps-run:
	@sh scripts/install-deps.sh $(RUN_PACKAGES)

deps-test:
	@sh scripts/install-deps.sh $(TEST_PACKAGES)

deps-openresty:
	@sh scripts/install-deps.sh $(OPENRESTY_PACKAGES)

deps-bench:
	@sh scripts/install-deps.sh $(BENCH_PACKAGES)

deps-bench-openresty:
	@sh scripts/install-deps.sh $(OPENRESTY_BENCH_PACKAGES)

deps-deb:
	@sh scripts/install-deps.sh $(DEB_PACKAGES)

deps-portable:
	@sh scripts/install-deps.sh $(PORTABLE_PACKAGES)

deps-lint:
	@sh scripts/install-deps.sh $(LINT_PACKAGES)

build/dlt_names.inc: shim/dlt_names.sh
	@mkdir -p build
	@CC="$(CC) $(CPPFLAGS)" sh shim/dlt_names.sh > $@.part && mv $@.part $@

build/bench/%: bench/%.c
	@mkdir -p build/bench
	@$(CC) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(CPPFLAGS) $(CFLAGS) $< -o $@ $(LDFLAGS) -lpcap

$(SHIM): $(SHIM_SOURCES) $(wildcard shim/*.h) build/dlt_names.inc
	@mkdir -p build/pcap
	$(SHIM_COMPILE) $(SHIM_SOURCES) -o $@ $(LDFLAGS) $(SHIM_LDFLAGS) -lpcap -pthread

# The packages come first, whatever -j says.
.NOTPARALLEL:
.PHONY: all help demo picture demo-openresty test check test-in test-arch portable test-deb \
	test-deb-in release rockspecs abicheck campaign bench bench-openresty soak lint format \
	install uninstall clean deps-run deps-openresty deps-test deps-bench deps-bench-openresty \
	deps-deb deps-portable deps-lint
