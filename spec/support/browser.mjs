// Drives the demo's page in headless Chromium, as a reader would, while this process makes
// loopback traffic. Arguments: the page's address, and where to put a screenshot, if anywhere.
// Prints one line a step that holds; ends with an error at the first that does not.

import { createRequire } from "node:module";
import { createSocket } from "node:dgram";
import assert from "node:assert/strict";

const require = createRequire(process.env.BROWSER_MODULES + "/");
const { chromium } = require("playwright-core");
const [address, picture] = process.argv.slice(2);

// Datagrams to a port, so many a second, until stopped.
function traffic(port, rate, size = 200) {
  const socket = createSocket("udp4"), sink = createSocket("udp4");
  for (const it of [socket, sink]) it.on("error", () => {});
  sink.bind(port, "127.0.0.1"); // or the kernel would answer with ICMP
  const sender = setInterval(() => {
    for (let i = 0; i < rate / 20; i++) socket.send(Buffer.alloc(size), port, "127.0.0.1");
  }, 50);
  return () => { clearInterval(sender); socket.close(); sink.close(); };
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await browser.newPage({ viewport: { width: 1120, height: 860 } });
  const foreign = [], problems = [];
  page.on("request", request => {
    if (!request.url().startsWith(address) && !request.url().startsWith("data:"))
      foreign.push(request.url());
  });
  page.on("pageerror", error => problems.push(String(error)));
  await page.goto(address);

  const number = async id =>
    Number((await page.textContent("#" + id)).replaceAll(",", ""));
  const until = async (what, condition) => {
    const deadline = Date.now() + 10000;
    while (!await condition()) {
      if (Date.now() > deadline) throw new Error("not seen in 10 s: " + what);
      await page.waitForTimeout(100);
    }
    console.log("ok", what);
  };
  const pictures = () => page.$$eval("canvas", all => all.slice(0, 2).map(it => it.toDataURL()));
  const talkers = () => page.textContent("#talkers");

  const stopFirst = traffic(40001, 400);
  await until("packets are counted", async () => await number("packets") > 200);
  await until("bytes are counted", async () => await number("bytes") > 200 * 242);
  const before = await pictures();
  await until("both charts move", async () =>
    (await pictures()).every((it, i) => it !== before[i]));
  await until("the talker is named", async () => (await talkers()).includes("127.0.0.1:40001"));
  await until("the protocol is named", async () =>
    (await page.textContent("#protocols")).includes("UDP"));

  const set = async expression => {
    await page.fill("#filter", expression);
    await page.click("button");
  };
  await set("udp port 40002");
  await until("a filter takes effect", async () => await number("packets") === 0 &&
    await page.textContent("#state") === "filter: udp port 40002");
  const stopSecond = traffic(40002, 400);
  await until("what it lets pass is shown", async () => await number("packets") > 200 &&
    (await talkers()).includes(":40002") && !(await talkers()).includes(":40001"));

  await set("udp prot 40002");
  await until("a bad filter shows libpcap's error", async () =>
    await page.$eval("#message", it => it.className === "bad" && it.textContent.includes("syntax error")));
  await page.waitForTimeout(1200);
  assert.equal(await page.textContent("#state"), "filter: udp port 40002");
  assert.ok(await number("packets") > 200, "the old filter still holds");
  console.log("ok and changes nothing");

  if (picture) {
    await set("");
    let rate = 0;
    const stops = [traffic(5353, 120, 90), traffic(4789, 300, 900), traffic(1812, 40, 48)];
    const fetcher = setInterval(() => fetch(address).then(it => it.text()), 25);
    const wave = setInterval(() => {
      rate = (rate + 1) % 9;
      const stop = traffic(9000 + rate, 200 + 160 * rate, 500);
      setTimeout(stop, 1900);
    }, 1100);
    await page.waitForTimeout(62000);
    await page.screenshot({ path: picture, fullPage: true });
    clearInterval(wave);
    clearInterval(fetcher);
    await page.waitForTimeout(2000);
    stops.forEach(stop => stop());
  }
  stopFirst();
  stopSecond();
  assert.deepEqual(foreign, [], "requests to other hosts");
  assert.deepEqual(problems, [], "errors in the page");
  console.log("ok no other host, no error");
} finally {
  await browser.close();
}
