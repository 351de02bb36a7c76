// @module-tag story
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { WebPage } from '../../../core/agent/web/serve.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/**
 * An agent whose page is switched on, and cannot be served before it is built.
 * @param onAttempt called when the page is looked for, which each attempt to serve it does.
 */
async function startUnbuilt(onAttempt = (_: { build(): void; save(): void }): void => undefined) {
  const { agent } = fakeAgent(openSettings(temporaryDirectory('settings')))
  const [port, directory] = [await freePort(), temporaryDirectory('page')]
  writeFileSync(path.join(directory, 'index.html'), '<!doctype html><title>Built</title>')
  let isBuilt = false
  let attempts = 0
  const build = () => {
    isBuilt = true
  }
  /** Saves settings in which nothing of the page has changed. */
  const save = () => agent.change((settings) => ({ ...settings }))
  agent.host.page = () => {
    attempts += 1
    const found = isBuilt ? directory : null
    onAttempt({ build, save })
    return found
  }
  agent.change((settings) => ({ ...settings, web: { ...settings.web, on: true, port } }))
  const page = new WebPage(agent, () => Promise.reject(new Error('not asked')))
  onTestFinished(() => page.stop())
  const shown: ReturnType<typeof web>[] = []
  const web = () => agent.store.state.web
  onTestFinished(agent.store.subscribe(() => void shown.push(web())))
  return { attempts: () => attempts, build, port, save, shown, web }
}

/** Opens a connection that sends nothing; returns what reports its end. */
async function connectTo(port: number) {
  const open = await until(
    'a connection',
    () =>
      new Promise<Socket | null>((resolve) => {
        const socket = connect(port, '127.0.0.1')
        socket.once('connect', () => resolve(socket)).on('error', () => resolve(null))
      }),
  )
  onTestFinished(() => void open.destroy())
  return () => open.readableEnded || open.destroyed
}

test('web page: settings that are saved in a row while it waits for another attempt open it once', async () => {
  const { attempts, build, port, save, web } = await startUnbuilt()
  await until('the problem', () => web()?.problem)
  expect(attempts()).toBe(1)
  build()
  save()
  save()
  save()
  expect(web()?.problem).toBeNull()
  await until('the address', () => web()?.address)
  const isEnded = await connectTo(port)
  save()
  expect(web()?.address).not.toBeNull()
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
  expect(isEnded()).toBe(false)
  expect(attempts()).toBe(2)
})

test('web page: settings that are saved during an attempt which fails lead to another one at once', async () => {
  let isFirst = true
  const { attempts, shown, web } = await startUnbuilt(({ build, save }) => {
    if (!isFirst) return
    isFirst = false
    build()
    save()
  })
  await until('the address', () => web()?.address, 3_000)
  expect(shown.filter((state) => state?.problem != null)).toEqual([])
  expect(attempts()).toBe(2)
})
