--- A real, headless Chromium for the specs, driven over WebDriver by Debian's chromedriver.

local shell = require "spec.support.shell"

local browser = {}

local Page = {}
Page.__index = Page

local OPTIONS = {
  args = { "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--window-size=1120,1000" },
}

-- Sends a command of WebDriver's; gives its value.
function Page:command(method, path, body)
  local json = require "cjson"
  local text = shell.run("curl -s -m 60 -X %s -H 'Content-Type: application/json' -d %s %s", method,
    body and json.encode(body) or "", "http://127.0.0.1:" .. self.port .. self.session .. path)
  local value = json.decode(text).value
  if type(value) == "table" and value.error then
    error(value.error .. ": " .. value.message, 2)
  end
  return value
end

-- Nothing in an empty table says that it is an object.
local NO_PARAMETERS = { unused = true }

--- Opens a page at an address. Its files lie in a folder of its own.
function browser.open(address)
  local folder, remove = shell.folder()
  local self = setmetatable({ session = "", folder = folder, remove = remove }, Page)
  self.pid = shell.run([[
    TMPDIR=%s HOME=%s setsid chromedriver --port=0 > %s 2>&1 & echo $!]], folder, folder,
    folder .. "/log"):match "%d+"
  for _ = 1, 300 do
    self.port = shell.read(folder .. "/log"):match "successfully on port (%d+)"
    if self.port then break end
    shell.run "sleep 0.1"
  end
  if not self.port then
    local log = shell.read(folder .. "/log")
    self:close()
    error("chromedriver does not start:\n" .. log, 2)
  end
  local capabilities = { browserName = "chrome", ["goog:chromeOptions"] = OPTIONS,
    ["goog:loggingPrefs"] = { browser = "ALL", performance = "ALL" } }
  local started, problem = pcall(function()
    self.session = "/session/" .. self:command("POST", "/session",
      { capabilities = { alwaysMatch = capabilities } }).sessionId
    self:command("POST", "/url", { url = address })
  end)
  if not started then
    self:close()
    error(problem, 2)
  end
  return self
end

--- Runs JavaScript in the page, with an argument; gives what it returns.
function Page:run(script, argument)
  return self:command("POST", "/execute/sync", { script = script, args = { argument or "" } })
end

--- The text of the element with an id.
function Page:text(id)
  return self:run("return document.getElementById(arguments[0]).textContent", id)
end

local function element(self, selector)
  local found = self:command("POST", "/element", { using = "css selector", value = selector })
  return "/element/" .. select(2, next(found))
end

--- Types text into a field in place of what is there.
function Page:fill(selector, text)
  local path = element(self, selector)
  self:command("POST", path .. "/clear", NO_PARAMETERS)
  self:command("POST", path .. "/value", { text = text })
end

function Page:click(selector)
  self:command("POST", element(self, selector) .. "/click", NO_PARAMETERS)
end

--- The addresses that the page has asked for since it was opened.
function Page:requests()
  local json = require "cjson"
  local addresses = {}
  for _, entry in ipairs(self:command("POST", "/se/log", { type = "performance" })) do
    local message = json.decode(entry.message).message
    if message.method == "Network.requestWillBeSent" then
      addresses[#addresses + 1] = message.params.request.url
    end
  end
  return addresses
end

--- What the browser's console shows: a list of messages.
function Page:console()
  local messages = {}
  for i, entry in ipairs(self:command("POST", "/se/log", { type = "browser" })) do
    messages[i] = entry.message
  end
  return messages
end

--- Writes a picture of the page, a PNG.
function Page:screenshot(path)
  shell.run("printf %%s %s | base64 -d > %s", self:command("GET", "/screenshot"), path)
end

--- Ends the browser, with all its processes.
function Page:close()
  if self.session ~= "" then
    pcall(self.command, self, "DELETE", "")
  end
  shell.try("kill -TERM -" .. self.pid)
  for _ = 1, 100 do
    if select(2, shell.try("kill -0 -" .. self.pid)) ~= 0 then break end
    shell.run "sleep 0.1"
  end
  shell.try("kill -KILL -" .. self.pid)
  self.remove()
end

return browser
