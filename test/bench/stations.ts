import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from '@playwright/test'
import { ensureBuilt } from '../../build/setup/application.mjs'
import { commandScript } from '../../build/setup/command.mjs'
import { createSemaphore } from '../../core/lib/async/semaphore.ts'
import { loadIdentity } from '../../core/protocol/identity.ts'
import { storeLayout } from '../../core/store/layout.ts'
import { askAgent } from '../support/agent/answers.ts'
import { freePort } from '../support/servers/sftp.ts'
import { pairBefore } from '../support/transfer/pair-before.ts'
import { until } from '../support/until.ts'
import { measureUsage } from './process-tree.ts'
import { median, type Row } from './row.ts'
import { type BenchSender, connectSender } from './scale-senders.ts'

const STATIONS = 500
/** Debian's package; Playwright's own browsers are not downloaded. */
const CHROMIUM = '/usr/bin/chromium'
/** A receiver accepts so many handshakes of one address at a time; stations have addresses of their own. */
const HANDSHAKES = 12
const LOADS = 7
const CHANGES = 10
const BUSY_MS = 30_000
/** A station reports a status once a minute at least. */
const REPORT_EVERY_MS = 60_000
const READY_WITHIN_MS = 60_000

type Status = Parameters<BenchSender['report']>[0]

const well = (sentence: string): Status => ({
  level: 'ok',
  kind: null,
  sentence,
  oldestWaitingAt: null,
  waitingFiles: 0,
  version: '0.1.0',
})

interface Receiver {
  address: string
  token: string
  pid: number
  senders: BenchSender[]
  stop(): Promise<void>
}

/** Starts an agent that only receives and serves its page, with stations that are connected over TLS. */
async function startReceiver(directory: string, script: string, count: number): Promise<Receiver> {
  const data = path.join(directory, `data-${count}`)
  const store = path.join(directory, `store-${count}`)
  const names = Array.from({ length: count }, (_, index) => `station-${String(index + 1).padStart(3, '0')}`)
  const identities = await Promise.all(names.map((name) => loadIdentity(path.join(data, 'ids', name))))
  const paired = identities.map(({ fingerprint }, index) => ({ fingerprint, name: names[index] ?? '' }))
  await pairBefore(store, paired)
  const [port, webPort] = [await freePort(), await freePort()]
  const settings = {
    receive: { directory: store, host: '127.0.0.1', port, failingMinutes: 0 },
    web: { on: true, port: webPort },
  }
  const home = path.join(data, 'home')
  mkdirSync(home)
  writeFileSync(path.join(home, 'settings.json'), JSON.stringify(settings))
  const agent = spawn(process.execPath, ['--expose-gc', script, 'agent'], {
    env: { ...process.env, HOLDFAST_HOME: home, LANG: 'C' },
    stdio: 'ignore',
  })
  const senders: BenchSender[] = []
  const stop = async () => {
    for (const sender of senders) sender.close()
    agent.kill('SIGTERM')
    if (agent.exitCode === null) await once(agent, 'exit')
  }
  try {
    const ask = askAgent(home)
    const address = await until('the page', async () => {
      const { state } = await ask('snapshot', {})
      return state.receiving?.isRunning === true && state.web?.address
    })
    const { token } = await ask('addWebToken', { name: 'bench', role: 'operator' })
    const { fingerprint } = await loadIdentity(storeLayout(store).identity)
    const turns = createSemaphore(HANDSHAKES)
    const connect = async (index: number) => {
      const [identity, name] = [identities[index], names[index]]
      if (identity === undefined || name === undefined) throw new Error(`there is no station ${index}`)
      await turns.acquire()
      const peer = { host: '127.0.0.1', port, fingerprint }
      return connectSender(peer, identity, name).finally(() => turns.release())
    }
    senders.push(...(await Promise.all(names.map((_, index) => connect(index)))))
    for (const sender of senders) sender.report(well('All 12,402 files are safe.'))
    await until('all stations to be well', async () => {
      const { state } = await ask('snapshot', {})
      return state.receiving?.senders.filter(({ level }) => level === 'ok').length === count
    })
    return { address, token, pid: agent.pid ?? 0, senders, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Records in the page when the first rows of stations have been painted, since the request of the page. */
function watchForRows(): void {
  const watcher = new MutationObserver(() => {
    if (document.querySelector('.destination-row') === null) return
    watcher.disconnect()
    requestAnimationFrame(() =>
      requestAnimationFrame(() =>
        document.documentElement.setAttribute('data-usable', `${performance.now()}`),
      ),
    )
  })
  watcher.observe(document, { childList: true, subtree: true })
}

interface Load {
  milliseconds: number
  bytes: number
  requests: number
}

async function openPage(context: BrowserContext, { address }: Receiver): Promise<{ page: Page; load: Load }> {
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  const load: Load = { milliseconds: 0, bytes: 0, requests: 0 }
  await session.send('Network.enable')
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    load.bytes += encodedDataLength
  })
  session.on('Network.requestWillBeSent', () => {
    load.requests += 1
  })
  await page.addInitScript(watchForRows)
  await page.goto(address)
  const usable = page.locator('html[data-usable]')
  await usable.waitFor({ timeout: READY_WITHIN_MS })
  load.milliseconds = Number(await usable.getAttribute('data-usable'))
  return { page, load: { ...load } }
}

/** Loads the page with an empty cache, then with a filled one. */
async function loadTwice(browser: Browser, receiver: Receiver): Promise<{ uncached: Load; cached: Load }> {
  const context = await browser.newContext()
  try {
    await signIn(context, receiver)
    const first = await openPage(context, receiver)
    await first.page.close()
    const second = await openPage(context, receiver)
    return { uncached: first.load, cached: second.load }
  } finally {
    await context.close()
  }
}

async function signIn(context: BrowserContext, { address, token }: Receiver): Promise<void> {
  const answer = await context.request.post(new URL('api/session', address).href, {
    data: { token },
    headers: { 'x-holdfast': '1' },
  })
  if (!answer.ok()) throw new Error(`signing in: HTTP ${answer.status()}`)
}

/** Returns the milliseconds from an action here until a text is in the first row of the page. */
async function untilInFirstRow(page: Page, text: string, act: () => void): Promise<number> {
  const shown = page.evaluate(
    (wanted) =>
      new Promise<number>((resolve) => {
        const look = () => {
          if (document.querySelector('.destination-row')?.textContent?.includes(wanted)) resolve(Date.now())
          else requestAnimationFrame(look)
        }
        look()
      }),
    text,
  )
  // The page answers in the order of requests: it looks when this one is answered.
  await page.evaluate(() => undefined)
  const began = Date.now()
  act()
  return (await shown) - began
}

async function measureChanges(page: Page, { senders }: Receiver) {
  const updates: number[] = []
  const faults: number[] = []
  const [first, last] = [senders[0], senders.at(-1)]
  if (first === undefined || last === undefined) throw new Error('there are no stations')
  for (let turn = 1; turn <= CHANGES; turn += 1) {
    const safe = `All ${turn},000 files are safe.`
    updates.push(await untilInFirstRow(page, safe, () => first.report(well(safe))))
    const fault = `The disk is read-only, ${turn}.`
    const failing = { ...well(fault), level: 'failing', kind: 'read-only' } as const
    faults.push(await untilInFirstRow(page, fault, () => last.report(failing)))
    await untilInFirstRow(page, safe, () => last.report(well('All 12,402 files are safe.')))
  }
  return { updates, faults }
}

/** Returns the use of processor and memory by the agent, while each station reports a changed status once a minute. */
async function measureBusy({ pid, senders }: Receiver) {
  const before = measureUsage(pid)
  const from = performance.now()
  for (let index = 0; performance.now() - from < BUSY_MS; index += 1) {
    senders[index % senders.length]?.report({ ...well(`Sending ${index} files.`), level: 'working' })
    await delay(REPORT_EVERY_MS / senders.length)
  }
  const after = measureUsage(pid)
  const processor = (after.cpuMicroseconds - before.cpuMicroseconds) / 10 / (performance.now() - from)
  return { processor, residentMiB: after.residentMiB }
}

/** Measures the page of an agent at which 500 stations are connected, beside one with a single station. */
export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-stations-'))
  const undo: (() => Promise<unknown>)[] = []
  try {
    await ensureBuilt(process.execPath)
    const { script } = await commandScript(process.execPath)
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    undo.push(() => browser.close())
    const one = await startReceiver(directory, script, 1)
    undo.push(one.stop)
    const many = await startReceiver(directory, script, STATIONS)
    undo.push(many.stop)
    const loads: Record<'one' | 'many', { uncached: Load; cached: Load }[]> = { one: [], many: [] }
    // The first load of each compiles the agent's code.
    for (let turn = 0; turn <= LOADS; turn += 1) {
      const [ofOne, ofMany] = [await loadTwice(browser, one), await loadTwice(browser, many)]
      if (turn === 0) continue
      loads.one.push(ofOne)
      loads.many.push(ofMany)
    }
    const middle = (which: 'one' | 'many', cache: 'uncached' | 'cached', figure: keyof Load) =>
      median(loads[which].map((load) => load[cache][figure]))
    const context = await browser.newContext()
    await signIn(context, many)
    const { page } = await openPage(context, many)
    const { updates, faults } = await measureChanges(page, many)
    const busy = await measureBusy(many)
    const reference = (value: number) => ({ name: '1 station', value })
    const row = (metric: string, value: number, unit: string, target: Row['target'] = null): Row => ({
      metric,
      value,
      unit,
      reference: null,
      target,
    })
    const compare = (
      cache: 'uncached' | 'cached',
      figure: keyof Load,
      metric: string,
      unit: string,
      scale = 1,
    ) => ({
      ...row(metric, middle('many', cache, figure) / scale, unit),
      reference: reference(middle('one', cache, figure) / scale),
    })
    return [
      compare('uncached', 'milliseconds', 'page usable, uncached', 'ms'),
      compare('cached', 'milliseconds', 'page usable, cached', 'ms'),
      row('page usable, uncached', middle('many', 'uncached', 'milliseconds'), 'ms', { atMost: 1000 }),
      compare('uncached', 'bytes', 'transferred until then, uncached', 'KiB', 1024),
      compare('cached', 'bytes', 'transferred until then, cached', 'KiB', 1024),
      row('transferred until then, uncached', middle('many', 'uncached', 'bytes') / 1024, 'KiB', {
        atMost: 1024,
      }),
      row('requests until then, uncached', middle('many', 'uncached', 'requests'), ''),
      row('status of a station to its row, slowest of 10', Math.max(...updates), 'ms', { atMost: 2000 }),
      row('failure of a station to the first row, slowest of 10', Math.max(...faults), 'ms', {
        atMost: 5000,
      }),
      row('processor of the agent, 500 stations report', busy.processor, '% of a core'),
      row('proportional memory of the agent', busy.residentMiB, 'MiB', { atMost: 512 }),
    ]
  } finally {
    for (const action of undo.reverse()) await action()
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}
