import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { commandScript } from '../support/cli/command-script.ts'
import { expect, TREE, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openSection } from './sections.ts'

const run = promisify(execFile)
const SOON = { timeout: 60_000 }

const holdfast = async (...words: string[]) =>
  (await run(process.execPath, [commandScript, ...words], { env: { ...process.env, LANG: 'C' } })).stdout

/** Starts a command that stays; it is ended by `end`. */
function start(children: ChildProcess[], home: string, ...words: string[]) {
  const env = { ...process.env, LANG: 'C', HOLDFAST_HOME: home }
  const child = spawn(process.execPath, [commandScript, ...words], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  return { out: () => out }
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0)
  const { port } = server.address() as net.AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

async function endAll(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    if (child.exitCode === null) await ended
  }
}

test('proposed settings: a station shows them on the card of its receiver, and accepts them by a click', async ({
  desktop,
}) => {
  test.setTimeout(180_000)
  const base = mkdtempSync(path.join(tmpdir(), 'holdfast-proposals-'))
  const children: ChildProcess[] = []
  try {
    const store = path.join(base, 'store')
    const source = path.join(base, 'data')
    await mkdir(source)
    const listen = ['--host', '127.0.0.1', '--port', '0', '--name', 'hub']
    const receiver = start(children, base, 'receive', '--store', store, ...listen)
    await expect.poll(receiver.out, SOON).toMatch(/holdfast:\/\/\S+/)
    const code = /holdfast:\/\/\S+/.exec(receiver.out())?.[0] ?? ''
    const sources = [{ id: 's', path: source, name: 'data', ignore: ['*.tmp', 'cache/'] }]
    const { page, state, holdfast: launched } = await desktop.start({ settings: { sources } })
    await page.evaluate((given) => window.holdfast.call('pair', { code: given, name: 'station-1' }), code)
    await expect.poll(async () => (await state()).destinations[0]?.connection.state, SOON).toBe('connected')
    const propose = async (fragment: object) => {
      const file = path.join(base, 'proposal.json')
      await writeFile(file, JSON.stringify(fragment))
      await holdfast('stations', 'propose', 'station-1', file, '--store', store)
    }
    const readState = async () =>
      JSON.parse(await holdfast('stations', '--store', store, '--json')).proposal?.state
    await propose({
      sources: [
        { name: 'data', filters: { ignore: ['*.tmp', '*.log'], maximumBytes: 1_073_741_824 } },
        { name: 'camera', filters: { hidden: 'leave-out' } },
      ],
      check: { intervalSeconds: 60 },
      send: {
        bytesPerSecond: 2_097_152,
        schedule: [{ days: [1, 2, 3, 4, 5], from: '08:00', to: '18:00', allow: 524_288 }],
      },
    })
    const notice = page.getByRole('note').filter({ hasText: 'hub proposes changed settings' })
    await expect(notice).toBeVisible(SOON)
    await pictures(page, 'proposal-overview')
    await notice.getByRole('button', { name: 'Show' }).click()
    const part = page.getByRole('region', { name: 'hub proposes changed settings' })
    await expect(part).toContainText(/Leave out data\+ \*\.log− cache\//)
    await expect(part).toContainText('Check every10 sec → 1 min')
    await expect(part).toContainText('Speed limitNo limit → 2 MiB/s')
    await expect(part).toContainText('camera')
    await pictures(page, 'proposal-card')
    await launched.application.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.setSize(640, 700),
    )
    await pictures(page, 'proposal-card-narrow')
    await launched.application.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.setSize(1240, 800),
    )
    await pictures(page, 'proposal-card-wide', 'themes')
    await part.getByRole('button', { name: 'Accept' }).click()
    await expect(part).toBeHidden(SOON)
    expect((await state()).settings.check.intervalSeconds).toBe(60)
    await expect.poll(readState, SOON).toBe('accepted')

    await page.getByRole('button', { name: 'Actions for hub' }).click()
    await page.getByRole('menuitem', { name: 'Proposed settings…' }).click()
    const dialog = page.getByRole('dialog')
    const always = dialog.getByRole('switch', { name: 'Accept without asking' })
    await expect(always).not.toBeChecked()
    await always.click()
    await expect(always).toBeChecked()
    await pictures(page, 'proposal-consent', 'themes')
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    await propose({ check: { intervalSeconds: 30 } })
    await expect.poll(async () => (await state()).settings.check.intervalSeconds, SOON).toBe(30)
    await openSection(page, 'settings.general')
    await page.getByRole('button', { name: 'Show changes…' }).click()
    await expect(dialog.getByRole('listitem').first()).toContainText(
      /Accepted settings that hub proposed\..*receiver: hub/,
    )
    await pictures(page, 'proposal-changes', 'themes')
  } finally {
    await endAll(children)
    rmSync(base, TREE)
  }
})

test('proposed settings: a receiver proposes to one sender and to a group, and its list shows the decisions', async ({
  desktop,
}) => {
  test.setTimeout(180_000)
  const base = mkdtempSync(path.join(tmpdir(), 'holdfast-proposing-'))
  const children: ChildProcess[] = []
  try {
    const receive = { directory: path.join(base, 'store'), host: '127.0.0.1', port: await freePort() }
    const { page, state } = await desktop.start({ settings: { receive } })
    await expect.poll(async () => (await state()).receiving?.isRunning, SOON).toBe(true)
    const { code } = await page.evaluate(() => window.holdfast.call('inviteSender', { replaces: null }))
    const [data, source] = [path.join(base, 'station'), path.join(base, 'data')]
    await mkdir(source)
    await holdfast('pair', code, '--data', data, '--name', 'station-1')
    start(children, base, 'agent', '--data', data, source)
    const part = page.getByRole('region', { name: 'Stations' })
    const sender = part.getByRole('article', { name: 'station-1' })
    await sender.getByRole('button', { expanded: false }).first().click()
    await expect(sender).toContainText('version', SOON)
    await sender.getByRole('button', { name: 'Actions for station-1' }).click()
    await page.getByRole('menuitem', { name: 'Propose settings…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Propose', exact: true }).click()
    await expect(dialog).toContainText('Fill in at least one field.')
    await dialog.getByRole('textbox', { name: 'Check every' }).fill('0')
    await dialog.getByRole('button', { name: 'Propose', exact: true }).click()
    await expect(dialog).toContainText('Enter whole seconds from 1 to 3600')
    await dialog.getByRole('textbox', { name: 'Check every' }).fill('60')
    await dialog.getByRole('textbox', { name: 'Speed limit' }).fill('2.5')
    await dialog.getByRole('textbox', { name: /^Folder whose filter/ }).fill('data')
    await dialog.getByRole('textbox', { name: 'Leave out' }).fill('*.log')
    await pictures(page, 'propose-form', 'themes')
    await dialog.getByRole('button', { name: 'Propose', exact: true }).click()
    await expect(sender).toContainText('Proposed, waits for a decision there: data: Leave out', SOON)
    await sender.scrollIntoViewIfNeeded()
    await pictures(page, 'propose-waiting')
    const [destination] = JSON.parse(await holdfast('destinations', '--data', data, '--json'))
    const readProposal = () => holdfast('destinations', 'proposal', destination.name, '--data', data)
    await expect.poll(readProposal, SOON).toContain('10 -> 60')
    await holdfast('destinations', 'proposal', destination.name, '--data', data, '--accept')
    await expect(sender).toContainText('Accepted the proposed settings', SOON)

    await sender.getByRole('button', { name: 'Actions for station-1' }).click()
    await page.getByRole('menuitem', { name: 'Label…' }).click()
    await dialog.getByRole('textbox', { name: 'Label, such as a site' }).fill('Roof')
    await page.keyboard.press('Enter')
    await expect(part.getByRole('heading', { name: /^Roof/ })).toBeVisible(SOON)
    await part.getByRole('button', { name: 'Actions for Roof' }).click()
    await page.getByRole('menuitem', { name: 'Propose settings…' }).click()
    await expect(dialog).toContainText('Propose settings to Roof')
    await dialog.getByRole('textbox', { name: 'Compare every' }).fill('600')
    await dialog.getByRole('button', { name: 'Propose', exact: true }).click()
    await expect(sender).toContainText('waits for a decision', SOON)
    await sender.getByRole('button', { name: 'Withdraw' }).click()
    await expect(sender).not.toContainText('waits for a decision', SOON)
    await part.getByRole('button', { name: 'Actions for Roof' }).click()
    await page.getByRole('menuitem', { name: 'Propose settings…' }).click()
    await dialog.getByRole('textbox', { name: 'Check every' }).fill('45')
    await dialog.getByRole('button', { name: 'Propose', exact: true }).click()
    await expect.poll(readProposal, SOON).toContain('60 -> 45')
    await holdfast('destinations', 'proposal', destination.name, '--data', data, '--decline')
    await expect(sender).toContainText('Declined the proposed settings', SOON)
    await pictures(page, 'propose-declined')
  } finally {
    await endAll(children)
    rmSync(base, TREE)
  }
})
