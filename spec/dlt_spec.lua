local DLT = require("pcap").DLT
local shell = require "spec.support.shell"

-- The header's own constants, through the preprocessor and the compiler.
local function header()
  local folder, remove = shell.folder()
  finally(remove)
  local defines = shell.run("echo '#include <pcap/pcap.h>' | ${CC:-cc} -E -dM -xc -")
  local source = { "#include <stdio.h>\n#include <pcap/pcap.h>\nint main(void) {\n" }
  for name in defines:gmatch("#define DLT_([%w_]+)%s+%S") do
    source[#source + 1] = ('printf("%s %%d\\n", DLT_%s);\n'):format(name, name)
  end
  source[#source + 1] = "return 0; }\n"
  shell.write(folder .. "/dlt.c", table.concat(source))
  local values, count = {}, 0
  local printed = shell.run("cd %s && ${CC:-cc} dlt.c -o dlt && ./dlt", folder)
  for name, value in printed:gmatch("(%S+) (%d+)\n") do
    values[name], count = tonumber(value), count + 1
  end
  return values, count
end

describe("DLT", function()
  it("has every name that the installed header defines, and no other", function()
    local values, count = header()
    assert.is_true(count > 150)
    local seen = 0
    for key, value in pairs(DLT) do
      if type(key) == "string" then
        seen = seen + 1
        assert.equal(values[key], value, key)
      end
    end
    assert.equal(count, seen)
  end)

  it("leads from every number of the header to a name of that number", function()
    local values = header()
    local numbers = {}
    for _, value in pairs(values) do
      numbers[value] = true
      assert.equal("string", type(DLT[value]), value)
      assert.equal(value, values[DLT[value]])
    end
    for key in pairs(DLT) do
      if type(key) == "number" then
        assert.is_true(numbers[key], key)
      end
    end
  end)

  it("gives the canonical name for a number that has aliases", function()
    assert.equal("RAW", DLT[12])
    assert.equal("PPI", DLT[192])
    assert.equal("DOCSIS", DLT[143])
    assert.equal("C_HDLC", DLT[104])
    assert.equal(104, DLT.CHDLC)
    assert.equal("EN10MB", DLT[1])
    assert.equal("LINUX_SLL", DLT[113])
  end)

  it("has USER0 to USER15, which libpcap's own name function lacks", function()
    for i = 0, 15 do
      assert.equal(147 + i, DLT["USER" .. i])
      assert.equal("USER" .. i, DLT[147 + i])
    end
  end)
end)
