--- `make picture`: turns what a terminal shows, on stdin, into an SVG picture on stdout.

local WIDTH, LINE, MARGIN, LETTER = 720, 19, 16, 13 -- pixels

local lines = {}
for line in io.lines() do
  lines[#lines + 1] = line:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })
end

local height = #lines * LINE + 2 * MARGIN
print(([[
<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d">
<rect width="100%%" height="100%%" rx="6" fill="#1d2530"/>
<g font-family="monospace" font-size="%d" fill="#dde5ee" style="white-space: pre">]])
  :format(WIDTH, height, LETTER))
for number, line in ipairs(lines) do
  print(('<text x="%d" y="%d">%s</text>'):format(MARGIN, MARGIN + number * LINE - 5, line))
end
print "</g>\n</svg>"
