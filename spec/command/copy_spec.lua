local command = require "spec.support.command"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local function judged(path, expression)
  return shell.run("tcpdump -n -tt -r %s %s 2>/dev/null", path, expression or "")
end

describe("pcap copy and pcap split", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    local packets = {}
    for i = 1, 20 do
      packets[i] = command.udp(i % 2 == 0 and 53 or 123, "payload " .. i)
    end
    path = command.write(folder .. "/in.pcap", packets)
  end)
  after_each(function() remove() end)

  it("copy takes what matches, and so many at the most", function()
    assert.equal("10 packets copied\n", command.run("copy %s %s/copy.pcap port 123", path, folder))
    assert.equal(judged(path, "port 123"), judged(folder .. "/copy.pcap"))
    assert.equal("1 packet copied\n", command.run("copy -c 1 %s %s/copy.pcap", path, folder))
    assert.equal(judged(path):match "[^\n]*\n", judged(folder .. "/copy.pcap"))
  end)

  it("copy keeps the resolution of the times: microseconds, or nanoseconds", function()
    for _, magic in ipairs { 0xa1b2c3d4, 0xa1b23c4d } do
      local header = savefile.header { magic = magic }
      local kept = savefile.record(command.udp(53, "a"), { sec = 5, fraction = 123456 })
      local from = shell.write(folder .. "/from.pcap", header .. kept
        .. savefile.record(command.udp(123, "b"), { sec = 6, fraction = 1 }))
      command.run("copy %s %s/copy.pcap udp port 53", from, folder)
      assert.equal(header .. kept, shell.read(folder .. "/copy.pcap"))
      shell.run("bin/pcap copy - - < %s > %s/copy.pcap 2>/dev/null", from, folder)
      assert.equal(shell.read(from), shell.read(folder .. "/copy.pcap"))
    end
  end)

  it("copy writes pcapng where the name or an option says so", function()
    command.run("copy %s %s/copy.pcapng port 123", path, folder)
    command.run("copy --format pcapng %s %s/copy port 123", path, folder)
    for _, name in ipairs { "copy.pcapng", "copy" } do
      assert.equal(judged(path, "port 123"), judged(folder .. "/" .. name))
      assert.matches("pcapng", shell.run("capinfos -t %s/%s", folder, name))
    end
    command.run("copy --format pcap %s/copy.pcapng %s/back.pcapng", folder, folder)
    assert.equal(judged(path, "port 123"), judged(folder .. "/back.pcapng"))
    assert.matches("%- nanosecond pcap\n", shell.run("capinfos -t %s/back.pcapng", folder))
  end)

  it("copy compresses a file whose name ends with .gz or .zst", function()
    shell.needs_zlib()
    for name, kind in pairs { ["copy.pcap.gz"] = "pcap", ["copy.pcapng.gz"] = "pcapng",
      ["copy.pcapng.zst"] = "pcapng" } do
      command.run("copy %s %s/%s port 123", path, folder, name)
      local program = name:find "zst$" and "zstd" or "gzip"
      shell.run("%s -dc %s/%s > %s/unpacked", program, folder, name, folder)
      assert.equal(judged(path, "port 123"), judged(folder .. "/unpacked"))
      assert.matches("%- " .. kind .. "\n", shell.run("capinfos -t %s/unpacked", folder))
    end
  end)

  it("copy refuses to write over what it reads", function()
    local output, status = command.try("copy %s %s", path, path)
    assert.equal(1, status)
    assert.is_truthy(output:find("a capture is reading it", 1, true), output)
  end)

  it("split makes a file a packet, or one for some", function()
    for _, each in ipairs { 1, 6, 30 } do
      local count = math.ceil(20 / each)
      assert.equal(("%d file%s written\n"):format(count, count == 1 and "" or "s"),
        command.run("split --packets %s %s %s/part-", each, path, folder))
      local parts = {}
      for i = 1, count do
        parts[i] = judged(("%s/part-%05d.pcap"):format(folder, i))
        assert.equal(math.min(each, 20 - (i - 1) * each), select(2, parts[i]:gsub("\n", "")))
      end
      assert.equal(judged(path), table.concat(parts))
    end
  end)

  it("split takes a filter and a format, and names files by itself", function()
    local root = shell.run("pwd"):gsub("\n", "")
    shell.run("cd %s && %s split --format pcapng in.pcap packet- udp port 53", folder,
      root .. "/bin/pcap")
    assert.equal(10, tonumber(shell.run("ls %s | grep -c '^packet-000[0-9]*.pcapng$'", folder)))
    shell.run("cd %s && rm packet-* && %s split in.pcap", folder, root .. "/bin/pcap")
    assert.equal(20, tonumber(shell.run("ls %s | grep -c '^packet-000[0-9]*.pcap$'", folder)))
  end)
end)
