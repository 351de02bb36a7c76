// Servers that lose the properties of files and keep their contents.
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { runTask, type Task, type TaskEvent } from '../../../core/restore/task.ts'
import { encryptedKind } from '../../support/destinations/encrypted-kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  makeHome,
  offerAll,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const ceph = s3Kind('ceph')
beforeAll(() => Promise.all([webdavKind.start?.(), ceph.start?.()]))
afterAll(() => Promise.all([webdavKind.stop?.(), ceph.stop?.()]))

/** Is sent in parts, whose object has no digest. */
const LARGE = 9 * 1024 * 1024
const MODES: Record<string, number> = { a: 0o640, 'd/b': 0o755, 'd/removed here': 0o600 }

test.each([webdavKind, encryptedKind(webdavKind), ceph, encryptedKind(ceph)])(
  '$name destination: lost times and permissions are reported by verify, and set again by the sender alone',
  async (kind) => {
    const home = await makeHome(temporaryDirectory('lost-properties'))
    const place = await kind.open(home)
    const destination = { ...place.settings(), id: DESTINATION }
    for (const [name, mode] of Object.entries(MODES)) {
      writeFile(home.source, name, randomBytes(name === 'a' ? LARGE : 3_000))
      fs.chmodSync(path.join(home.source, name), mode)
      fs.utimesSync(path.join(home.source, name), 1_600_000_000, 1_600_000_000.25)
    }
    offerAll(home)
    const config = {
      ...senderConfig(home, { port: 0, fingerprint: '' }),
      destination,
      secrets: place.secrets,
    }
    const sender = startTestSender()
    sender.configure(config)
    await allSent(sender, 3)
    await sender.kill()
    const readFacts = async () => {
      const found = Object.keys(MODES).map(async (name) => {
        const there = await place.file('data', name)
        return [name, there && { mtimeNs: there.mtimeNs, mode: there.mode }]
      })
      return Object.fromEntries(await Promise.all(found))
    }
    const mtimeNs = 1_600_000_000_250_000_000n
    const sent = Object.fromEntries(Object.entries(MODES).map(([name, mode]) => [name, { mtimeNs, mode }]))
    expect(await readFacts()).toEqual(sent)

    const task: Task = {
      ...{ does: 'verify', ledger: home.ledgerPath },
      from: {
        ...{ destination, secrets: place.secrets, identityDirectory: home.identityDirectory, name: 'pc' },
        ...{ computer: null, key: place.identity ?? null },
      },
    }
    const verify = async () => {
      const events: TaskEvent[] = []
      await runTask(task, async (event) => void (event.type === 'progress' || events.push(event)))
      return events
    }
    const sound = { files: 3, damaged: 0, missing: 0, unreadable: 0 }
    const verified = (lostFacts: number) =>
      expect.objectContaining({ type: 'verified', summary: expect.objectContaining({ ...sound, lostFacts }) })
    expect(await verify()).toEqual([verified(0)])

    await place.loseProperties?.()
    fs.rmSync(path.join(home.source, 'd/removed here'))
    const lost = await readFacts()
    expect(lost.a).not.toEqual(sent.a)
    const notice: Message = { key: 'verify.factsLost', params: { name: 'nas', count: 3 } }
    expect(await verify()).toEqual([{ type: 'notice', sentence: notice }, verified(3)])
    expect(await readFacts()).toEqual(lost)

    const later = startTestSender()
    later.configure(config)
    const wanted = { ...sent, 'd/removed here': { mtimeNs, mode: 0o644 } }
    await until('the facts are set again', async () => isDeepStrictEqual(await readFacts(), wanted))
    for (const name of Object.keys(MODES)) expect(await place.older('data', name)).toEqual([])
    expect(await verify()).toEqual([verified(0)])
  },
)
