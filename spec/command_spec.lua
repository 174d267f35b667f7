local command = require "spec.support.command"
local shell = require "spec.support.shell"

describe("The command pcap", function()
  local folder, remove, path

  setup(function()
    folder, remove = shell.folder()
    path = command.write(folder .. "/in.pcap", { command.udp(53, "a"), command.udp(123, "b") })
  end)
  teardown(function() remove() end)

  it("lists its subcommands, each a file, and says how it is used", function()
    local files = shell.run "cd lua/pcap/command && ls"
    for _, words in ipairs { "--help", "-h", "help" } do
      local help = command.run(words)
      for name in files:gmatch "([^\n]+)%.lua" do
        assert.matches("\n  " .. name .. " +%u", help)
      end
      assert.matches("^Usage: pcap SUBCOMMAND ", help)
    end
  end)

  it("tells of each subcommand by --help, on stdout", function()
    for name in shell.run("cd lua/pcap/command && ls"):gmatch "([^\n]+)%.lua" do
      local help = command.run(name .. " --help 2>/dev/null")
      assert.matches("^Usage: pcap " .. name .. " ", help)
      assert.equal(help, command.run("help " .. name))
    end
  end)

  it("tells its version and libpcap's", function()
    local pcap = require "pcap"
    assert.equal(("pcap %s\n%s\n"):format(pcap._VERSION, pcap._LIB_VERSION),
      command.run "--version")
  end)

  it("ends with 2 and says on stderr what is wrong with the arguments", function()
    for words, message in pairs {
      [""] = "^Usage: pcap ",
      ["none"] = "^pcap: there is no subcommand \"none\"",
      ["../init"] = "^pcap: there is no subcommand",
      ["dump --none"] = "^Usage: pcap dump .*\npcap dump: unknown option '%-%-none'",
      ["dump -r"] = "\npcap dump: option '%-r' requires an argument",
      ["dump -c 0"] = "\npcap dump: .*'0' is not a whole number from 1 up",
      ["dump -c 1.5"] = "'1.5' is not a whole number",
      ["dump -r a -i b"] = "\npcap dump: %-r and %-i exclude each other",
      ["top --every 0"] = "'0' is not a number of seconds",
      ["copy a"] = "\npcap copy: missing argument 'to'",
      ["copy --blocks a b.pcap"] = "%-%-blocks is for pcapng",
      ["info"] = "\npcap info: missing argument 'files'",
    } do
      local output, status = command.try(words .. " >/dev/null")
      assert.equal(2, status, words)
      assert.matches(message, output)
    end
  end)

  it("says that a file is no filter", function()
    for _, words in ipairs { "copy %s /dev/null %s", "dump -r %s %s", "follow %s %s" } do
      local output, status = command.try(words, path, path)
      assert.equal(1, status)
      assert.is_truthy(output:find(path .. " is a file, and no filter\n", 1, true), output)
    end
  end)

  it("says that a file is read with -r, if one is given as a filter", function()
    local output, status = command.try("dump %s", path)
    assert.equal(2, status)
    assert.is_truthy(output:find(path .. " is a file: read it with -r", 1, true), output)
  end)

  it("ends with 1 and names what it cannot read or write", function()
    local none, text = folder .. "/none.pcap", shell.write(folder .. "/text", "no capture at all")
    for _, words in ipairs { "dump -r %s", "flows -r %s", "top -r %s", "http -r %s", "dns -r %s",
      "json -r %s", "info %s", "split %s", "copy %s /dev/null", "merge -w /dev/null %s",
      "rotate -G 9 -w none -r %s" } do
      for file, message in pairs { [none] = "No such file or directory",
        [text] = "unknown file format", [folder] = "error reading dump file: Is a directory" } do
        local output, status = command.try(words .. " >/dev/null", file)
        local name = words:match "^%l+"
        assert.equal(("1 pcap %s: %s: %s\n"):format(name, file, message), status .. " " .. output)
      end
    end
    for _, words in ipairs { "dump -r %s", "json -r %s", "copy %s /dev/null", "split %s none" } do
      local output, status = command.try(words .. " tcp prt 1", path)
      assert.equal(1, status)
      assert.is_truthy(output:find("syntax error", 1, true), output)
    end
    local output, status = command.try("dump -i nosuchdevice")
    assert.equal(1, status)
    assert.is_truthy(output:find("pcap dump: nosuchdevice: ", 1, true), output)
  end)

  it("ends with 1 where stdout is full", function()
    for _, words in ipairs { "dump -r %s", "flows -r %s", "top -r %s", "json -r %s", "info %s",
      "dump -w - -r %s", "copy %s - 2>/dev/null", "merge -w - %s 2>/dev/null",
      "follow -c 1 %s 2>/dev/null" } do
      local output, status = command.try(words .. " >/dev/full", path)
      assert.equal(1, status, words)
      assert.is_truthy(words:find "null" or output:find("No space left on device", 1, true), output)
    end
  end)

  it("prints what came before an error in a file, and then the error", function()
    local bytes = shell.read(path)
    local cut = shell.write(folder .. "/cut.pcap", bytes:sub(1, -2))
    for words, seen in pairs {
      ["dump -r %s"] = "%.53: UDP, length 1\n", ["json -r %s"] = "\"number\":1",
      ["info %s"] = "Number of packets: +1\n", ["flows -r %s"] = " 1 +43 ",
      ["top -r %s"] = " 43 +1 ", ["copy %s /dev/null"] = "^1 packet copied\n",
      ["rotate -G 9 -w " .. folder .. "/r%%s -r %s"] = "^1 packet captured\n" } do
      local output, status = command.try(words, cut)
      assert.equal(1, status, words)
      assert.matches(seen, output)
      assert.matches("\npcap %l+: [^\n]*/cut%.pcap: truncated dump file[^\n]*\n$", output)
    end
  end)

  it("reads stdin for '-'", function()
    for _, words in ipairs { "dump -r %s", "flows -r %s", "json -r %s", "top -r %s" } do
      assert.equal(command.run(words, path), command.run(words .. " < %s", "-", path))
      assert.equal(command.run(words, path),
        command.run("dump -r %s -w - | bin/pcap " .. words, path, "-"))
    end
  end)

  it("is ended without a word by a reader that has enough", function()
    local many = {}
    for i = 1, 5000 do many[i] = command.udp(53, "x") end
    local big = command.write(folder .. "/big.pcap", many)
    local output = shell.run("{ bin/pcap dump -r %s; echo status $? >&2; } | head -n 1", big)
    assert.matches("^%S+ IP [^\n]*\nstatus 141\n$", output:gsub("^(status 141\n)(.*)", "%2%1"))
  end)

  it("is found by a link, from another folder, and with no path set", function()
    local root = shell.run("pwd"):gsub("\n", "")
    shell.run("ln -s %s %s/link", root .. "/bin/pcap", folder)
    assert.equal(command.run("dump -r %s", path),
      shell.run("cd / && env -i PATH=%s %s/link dump -r %s", os.getenv "PATH", folder, path))
  end)

  it("gets a subcommand from one more file", function()
    shell.run("mkdir %s/tree && cp -r bin lua build %s/tree", folder, folder)
    shell.write(folder .. "/tree/lua/pcap/command/greet.lua", [[
      local check = require "pcap.program.check"
      return {
        summary = "Greets",
        options = function(parser) parser:argument "name" end,
        run = function(args)
          if args.name == "nobody" then check.fail "there is nobody" end
          print("hello " .. args.name)
        end,
      }
    ]])
    local pcap = folder .. "/tree/bin/pcap"
    assert.matches("\n  greet +Greets\n", shell.run("env -u LUA_PATH %s --help", pcap))
    assert.equal("hello you\n", shell.run("env -u LUA_PATH %s greet you", pcap))
    local output, status = shell.try("env -u LUA_PATH %s greet nobody", pcap)
    assert.equal("1 pcap greet: there is nobody\n", status .. " " .. output)
  end)

  it("says what to install where argparse is missing", function()
    local output, status = shell.try "LUA_PATH=/nowhere/?.lua bin/pcap dump"
    assert.equal(1, status)
    assert.equal("pcap dump: needs argparse, and LuaJIT does not find it. Install it: 'apt-get "
      .. "install lua-argparse', or 'luarocks --lua-version 5.1 install argparse'\n", output)
    shell.write(folder .. "/argparse.lua", "error 'broken'")
    output, status = shell.try("LUA_PATH=%s bin/pcap dump", folder .. "/?.lua;;")
    assert.equal(1, status)
    assert.matches("^pcap dump: [^\n]*/argparse.lua:1: broken\n", output)
  end)
end)
