// @module-tag story
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { WebPage } from '../../../core/agent/web/serve.ts'
import { Sessions } from '../../../core/agent/web/sessions.ts'
import { getUserName } from '../../../core/platform/user-name.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const HERE = '127.0.0.1'
const MINUTES = 60_000

/** Sessions at a time that the test sets, and the settings that they read. */
function createSessions() {
  const clock = { now: 0 }
  const settings = structuredClone(defaultSettings)
  return {
    clock,
    settings,
    sessions: new Sessions(
      () => settings,
      'test',
      () => clock.now,
    ),
  }
}

test('page link: it signs in once, with all rights and the name of the user', () => {
  const { sessions } = createSessions()
  const { secret } = sessions.createLink()
  // 256 random bits.
  expect(secret).toMatch(/^once-[\w-]{43}$/)
  const session = sessions.signIn(secret, HERE)
  if (session === null || session === 'limited') throw new Error('not signed in')
  const access = { name: getUserName(), role: 'operator', by: 'token' }
  expect(session.access).toEqual(access)
  expect(sessions.find(session.id)).toEqual(access)
  expect(sessions.signIn(secret, HERE)).toBeNull()
})

test('page link: it ends after ten minutes, and by a newer one', () => {
  const { clock, sessions } = createSessions()
  const first = sessions.createLink()
  const second = sessions.createLink()
  expect(sessions.signIn(first.secret, HERE)).toBeNull()
  clock.now = 10 * MINUTES + 1
  expect(sessions.signIn(second.secret, HERE)).toBeNull()
  const third = sessions.createLink()
  clock.now += 10 * MINUTES
  expect(sessions.signIn(third.secret, HERE)).toMatchObject({ access: { role: 'operator' } })
})

test.each(['192.0.2.7', '::ffff:192.0.2.7', ''])(
  'page link: it signs in nobody from %j, and stays',
  (address) => {
    const { sessions } = createSessions()
    const { secret } = sessions.createLink()
    expect(sessions.signIn(secret, address)).toBeNull()
    expect(sessions.signIn(secret, HERE)).not.toBeNull()
  },
)

test('page link: guesses are counted, and neither use it nor keep it from signing in', () => {
  const { sessions } = createSessions()
  const { secret } = sessions.createLink()
  const guesses = Array.from({ length: 12 }, () => sessions.signIn(`${secret}x`, HERE))
  expect(guesses.slice(0, 10)).toEqual(Array(10).fill(null))
  expect(guesses.slice(10)).toEqual(['limited', 'limited'])
  expect(sessions.signIn(secret, HERE)).toMatchObject({ access: { role: 'operator' } })
})

test('page link: it is no token of a program', () => {
  const { sessions } = createSessions()
  const { secret } = sessions.createLink()
  expect(sessions.authenticate(secret, HERE)).toBeNull()
  expect(sessions.signIn(secret, HERE)).not.toBeNull()
})

test('page link: the switch ends links and their sessions', () => {
  const { sessions, settings } = createSessions()
  const session = sessions.signIn(sessions.createLink().secret, HERE)
  if (session === null || session === 'limited') throw new Error('not signed in')
  const { secret } = sessions.createLink()
  settings.web.link = false
  expect(sessions.signIn(secret, HERE)).toBeNull()
  expect(sessions.find(session.id)).toBeNull()
})

test('page link: it signs in nobody over a proxy, and stays', () => {
  const { sessions } = createSessions()
  const { secret } = sessions.createLink()
  expect(sessions.signIn(secret, HERE, true)).toBeNull()
  expect(sessions.signIn(secret, HERE)).not.toBeNull()
})

test('page link: a browser may come for twelve hours after the link, or after its last request', () => {
  const { clock, sessions } = createSessions()
  expect(sessions.hasLinks).toBe(false)
  const session = sessions.signIn(sessions.createLink().secret, HERE)
  if (session === null || session === 'limited') throw new Error('not signed in')
  clock.now = 12 * 60 * MINUTES
  expect(sessions.hasLinks).toBe(true)
  expect(sessions.find(session.id)).not.toBeNull()
  clock.now = 24 * 60 * MINUTES
  expect(sessions.hasLinks).toBe(true)
  clock.now += 1
  expect(sessions.hasLinks).toBe(false)
})

/** An agent with a built page, whose settings have a free port. */
async function startPage() {
  const { agent, logged } = fakeAgent(openSettings(temporaryDirectory('settings')))
  const directory = temporaryDirectory('page')
  writeFileSync(path.join(directory, 'index.html'), '<!doctype html><title>Built</title>')
  agent.host.page = () => directory
  const port = await freePort()
  const set = (web: Partial<typeof defaultSettings.web>) =>
    agent.change((settings) => ({ ...settings, web: { ...settings.web, ...web } }))
  set({ port })
  const page = new WebPage(agent, () => Promise.resolve({}))
  onTestFinished(() => page.stop())
  const served = () => until('the page', () => agent.store.state.web?.address)
  return { agent, logged, page, port, served, set }
}

/** Signs in as the page does after it has read the link; returns the status and the cookie. */
async function open(link: string, more: Record<string, string> = {}) {
  const { origin, hash } = new URL(link)
  const headers = { 'x-holdfast': '1', 'content-type': 'application/json', ...more }
  const body = JSON.stringify({ token: hash.slice(1) })
  const response = await fetch(`${origin}/api/session`, { method: 'POST', headers, body })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  return { status: response.status, answer: await response.json(), cookie }
}

const isSignedIn = async (origin: string, cookie: string) =>
  (await fetch(`${origin}/api/session`, { headers: { cookie } })).status === 200

test('page link: the page is served on loopback for it, though it is off in the settings', async () => {
  const { agent, logged, page, port } = await startPage()
  await expect(fetch(`http://${HERE}:${port}/`)).rejects.toThrow()
  const { link, usableUntil } = await page.createLink()
  expect(link).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${port}/#once-`))
  expect(Math.abs(usableUntil - Date.now() - 10 * MINUTES)).toBeLessThan(MINUTES)
  expect(agent.store.state.web).toBeNull()
  expect(await open(link, { 'x-forwarded-for': '127.0.0.1' })).toMatchObject({ status: 401, cookie: '' })
  expect(await open(link)).toMatchObject({ status: 200, answer: { output: { role: 'operator' } } })
  const again = await open(link)
  expect(again).toMatchObject({ status: 401, cookie: '', answer: { sentence: { key: 'web.usedLink' } } })
  expect(again.answer.text).toContain('`holdfast settings web link`')
  expect(logged.join()).not.toContain('once-')
})

test('page link: another port is chosen where a program has the port', async () => {
  const { page, port } = await startPage()
  const other = createServer().listen(port, HERE)
  onTestFinished(() => void other.close())
  await until('the other program', () => other.listening)
  const { link } = await page.createLink()
  expect(new URL(link).port).not.toBe(String(port))
  expect(await open(link)).toMatchObject({ status: 200 })
  expect(new URL((await page.createLink()).link).port).toBe(new URL(link).port)
})

test('page link: it leads to the page of the settings if that is on loopback', async () => {
  const { page, port, served, set } = await startPage()
  set({ on: true, host: '127.0.0.2' })
  await served()
  const { link } = await page.createLink()
  expect(link).toMatch(new RegExp(`^http://127\\.0\\.0\\.2:${port}/#`))
  expect(await open(link)).toMatchObject({ status: 200 })
})

test('page link: a page for the network keeps its address, and the link has one on loopback', async () => {
  const { page, port, served, set } = await startPage()
  set({ on: true, host: '0.0.0.0' })
  expect(await served()).toMatch(new RegExp(`^https:.*:${port}/$`))
  const { link } = await page.createLink()
  expect(link).toMatch(/^http:\/\/127\.0\.0\.1:/)
  expect(await open(link)).toMatchObject({ status: 200 })
})

test('page link: a browser stays signed in when the page is switched on at the same port', async () => {
  const { page, port, served, set } = await startPage()
  const { cookie } = await open((await page.createLink()).link)
  set({ on: true })
  expect(await served()).toBe(`http://127.0.0.1:${port}/`)
  expect(await isSignedIn(`http://127.0.0.1:${port}`, cookie)).toBe(true)
  set({ on: false })
  await until('the end', () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => false,
      () => true,
    ),
  )
})

test('page link: there is none, and no page for it, after the switch; nor what was before it, when it is on again', async () => {
  const { page, port, set } = await startPage()
  const { cookie } = await open((await page.createLink()).link)
  const { link } = await page.createLink()
  set({ link: false })
  await expect(page.createLink()).rejects.toThrow(/Links that sign in on this computer are off/)
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  set({ link: true })
  await page.createLink()
  expect(await open(link)).toMatchObject({ status: 401 })
  expect(await isSignedIn(`http://127.0.0.1:${port}`, cookie)).toBe(false)
})

test('page link: a page that cannot be served, and is tried again, leaves the page for links open', async () => {
  const { agent, page, port, set } = await startPage()
  // An address for documentation (RFC 5737) that no computer has.
  set({ on: true, host: '192.0.2.1' })
  await until('the problem', () => agent.store.state.web?.problem)
  const { link } = await page.createLink()
  expect(new URL(link).port).toBe(String(port))
  set({ names: ['station'] })
  await until('the next problem', () => agent.store.state.web?.problem)
  expect(await open(link)).toMatchObject({ status: 200 })
})

test('page link: there is none after the end', async () => {
  const { page } = await startPage()
  await page.stop()
  await expect(page.createLink()).rejects.toThrow('is not running')
})

test('page link: an installation without the page refuses it with the reason, and the next one is tried again', async () => {
  const { agent, page } = await startPage()
  const built = agent.host.page
  agent.host.page = () => null
  await expect(page.createLink()).rejects.toThrow(/does not include the web page/)
  agent.host.page = built
  expect((await page.createLink()).link).toContain('#once-')
})
