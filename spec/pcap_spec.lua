local pcap = require "pcap"
local process = require "spec.support.process"

-- What another module in the process may have declared: libpcap's names, all wrong.
local CONFLICTS = [==[
  require("ffi").cdef [[
    typedef struct pcap { int conflict; } pcap_t;
    typedef struct pcap_dumper { int conflict; } pcap_dumper_t;
    struct timeval { char conflict[3]; };
    struct pcap_pkthdr { char conflict; };
    struct bpf_insn { double conflict; };
    struct bpf_program { struct bpf_insn conflict[2]; };
    double pcap_next_ex(double conflict);
    double pcap_open_offline_with_tstamp_precision(double conflict);
    double pcap_open_dead_with_tstamp_precision(double conflict);
    double pcap_create(double conflict);
    double pcap_activate(double conflict);
    double pcap_compile(double conflict);
    double pcap_setfilter(double conflict);
    double pcap_freecode(double conflict);
    double pcap_datalink(double conflict);
    double pcap_snapshot(double conflict);
    double pcap_lib_version(double conflict);
    double pcap_geterr(double conflict);
    double pcap_close(double conflict);
    double strerror(double conflict);
  ]]
]==]

local USE = [==[
  local pcap = require "pcap"
  local name = os.tmpname()
  local cap = assert(pcap.open_dead())
  assert(assert(cap:dump_open(name)):dump("some bytes", 7)):close()
  cap:close()
  cap = assert(assert(pcap.open_offline(name)):set_filter("len == 10"))
  print(cap:next())
  print(cap:next())
  cap:close()
  os.remove(name)
]==]

local function succeeds(code)
  local output, status = process.lua(code)
  assert.equal("some bytes\t7\t10\nnil\tclosed\n", output)
  assert.equal(0, status)
end

describe("The module", function()
  it("is a plain table that scripts may extend", function()
    assert.equal("table", type(pcap))
    assert.is_nil(getmetatable(pcap))
    pcap.mine = function() return "mine" end
    finally(function() pcap.mine = nil end)
    assert.equal("mine", require("pcap").mine())
  end)

  it("has every documented function", function()
    for _, name in ipairs { "open_live", "open_dead", "open_offline", "tv2secs", "secs2tv" } do
      assert.equal("function", type(pcap[name]), name)
    end
    local cap = pcap.open_dead()
    for _, name in ipairs { "close", "set_filter", "datalink", "snapshot", "getfd", "next",
      "inject", "dump_open", "packets", "next_packet", "ending" } do
      assert.equal("function", type(cap[name]), name)
    end
    local dumper = cap:dump_open("/dev/null")
    for _, name in ipairs { "close", "dump", "flush" } do
      assert.equal("function", type(dumper[name]), name)
    end
  end)

  it("tells its own version and libpcap's", function()
    assert.matches("^%d+%.%d+%.%d+$", pcap._VERSION)
    assert.matches("^libpcap version %d+%.%d+", pcap._LIB_VERSION)
    local tcpdump = require("spec.support.shell").run("tcpdump --version")
    local version = tcpdump:match("libpcap version [%d.]+")
    assert.equal(version, pcap._LIB_VERSION:match("^libpcap version [%d.]+"))
  end)

  it("sets no global and changes none", function()
    local output = process.lua [[
      local before = {}
      for key, value in pairs(_G) do before[key] = value end
      local pcap = require "pcap"
      local cap = pcap.open_dead()
      cap:dump_open("/dev/null"):dump("x")
      cap:next()
      pcap.open_offline("/dev/null")
      pcall(pcap.open_live, -1)
      for key, value in pairs(_G) do
        if before[key] ~= value then print("changed: " .. key) end
      end
      for key in pairs(before) do
        if _G[key] == nil then print("gone: " .. key) end
      end
      print "looked"
    ]]
    assert.equal("looked\n", output)
  end)

  it("works after another module declared libpcap's names otherwise", function()
    succeeds(CONFLICTS .. USE)
  end)

  it("works before another module declares libpcap's names otherwise", function()
    succeeds(USE:gsub("\n", "\n" .. CONFLICTS, 1))
    succeeds('require "pcap"' .. CONFLICTS .. USE)
  end)

  it("leaves another module's right declarations working", function()
    local output = process.lua [[
      local pcap = require "pcap"
      local ffi = require "ffi"
      ffi.cdef "typedef struct pcap pcap_t; pcap_t *pcap_open_dead(int, int);"
      ffi.cdef "int pcap_datalink(pcap_t *);"
      local library = ffi.load(package.searchpath("pcap.shim", package.cpath))
      print(library.pcap_datalink(library.pcap_open_dead(105, 96)), pcap.open_dead(105):datalink())
    ]]
    assert.equal("105\t105\n", output)
  end)

  it("can be loaded again, and its objects go on across the loads", function()
    local first = pcap.open_dead()
    local name = os.tmpname()
    finally(function() os.remove(name) end)
    first:dump_open(name):dump("abc", 5):close()
    local old = pcap.open_offline(name)
    for key in pairs(package.loaded) do
      if key:find("^pcap") then
        package.loaded[key] = nil
      end
    end
    local again = require "pcap"
    assert.are_not.equal(pcap, again)
    local copy = os.tmpname()
    finally(function() os.remove(name); os.remove(copy) end)
    assert.is_truthy(again.open_dead():dump_open(copy):dump(old:next_packet()):close())
    assert.same({ "abc", 5, 3 }, { again.open_offline(copy):next() })
    assert.equal(first:datalink(), again.open_dead():datalink())
  end)

  it("runs no other program", function()
    local output, status = process.lua([[
      io.popen = function() error "io.popen" end
      os.execute = function() error "os.execute" end
    ]] .. USE)
    assert.equal(0, status, output)
  end)
end)
