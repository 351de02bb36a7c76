import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test, vi } from 'vitest'
import { startRelay } from '../../support/faults/relay.ts'
import { runVerify } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  offerAll,
  readTree,
  receiverConfig,
  SOURCE,
  startPair,
  startTestReceiver,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const DAY_MS = 24 * 60 * 60 * 1000

test.skipIf(process.platform === 'win32')(
  'clock jumps: waiting files are sent without delay when both clocks jump by days, forwards and back',
  async () => {
    const base = temporaryDirectory('clock')
    const clock = path.join(base, 'clock')
    const preload = pathToFileURL(
      path.resolve(import.meta.dirname, '../../support/faults/jumping-clock.ts'),
    ).href
    vi.stubEnv('NODE_OPTIONS', `--import=${preload}`)
    vi.stubEnv('HOLDFAST_TEST_CLOCK', clock)
    const { home, receiver: first, sender, config, store, at, arrived } = await startPair(base)
    let receiver = first
    const relay = await startRelay(at.port)
    const destination = {
      id: 'there',
      kind: 'receiver' as const,
      name: 'receiver',
      host: '127.0.0.1',
      ...at,
      port: relay.port,
    }
    sender.configure({ ...config, destination, retrySeconds: 1 })
    const jump = (ms: number) => {
      fs.writeFileSync(clock, String(ms))
      for (const worker of [sender, receiver]) worker.process.kill('SIGUSR2')
    }
    let files = 0
    const offerMore = (wave: string) => {
      for (let index = 0; index < 20; index += 1)
        writeFile(home.source, `${wave}/f${index}`, `${wave} ${index}`)
      files += 20
      offerAll(home)
      sender.nudge()
    }
    offerMore('before')
    await allSent(sender, files)
    jump(3 * DAY_MS)
    offerMore('later')
    await allSent(sender, files)

    // Files that are put off by a clock of the future are not put off until then.
    const blocked = path.join(home.source, 'changing')
    fs.writeFileSync(blocked, 'one')
    offerAll(home)
    fs.writeFileSync(blocked, 'another one')
    files += 1
    sender.nudge()
    await until('it is put off', () => sender.log.some((line) => line.includes('changed while it was read')))
    jump(-3 * DAY_MS)
    await allSent(sender, files, 20_000)

    // A connection that is lost and a receiver that is new, under a clock that is wrong.
    await receiver.kill()
    receiver = startTestReceiver()
    await receiver.configure(receiverConfig(store, [home], at.port))
    offerMore('after')
    await allSent(sender, files)
    expect(sender.report()?.totals[SOURCE]?.parkedFiles).toBe(0)
    expect(readTree(arrived)).toEqual(readTree(home.source))
    vi.unstubAllEnvs()
    expect(await runVerify(store)).toMatchObject({ code: 0, found: [] })
  },
)
