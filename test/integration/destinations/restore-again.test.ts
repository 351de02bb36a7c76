import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import type { FileMetadata } from '../../../core/platform/file-metadata.ts'
import type { Task } from '../../../core/restore/task.ts'
import { describeEvent, type RestoreEvent } from '../../../core/restore/write/events.ts'
import { drive } from '../../support/destinations/drive.ts'
import { folderKind } from '../../support/destinations/folder-kind.ts'
import type { TestedKind } from '../../support/destinations/kind.ts'
import { receiverKind } from '../../support/destinations/receiver-kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { canBeOrdinary, giveAway, runTaskAsUser } from '../../support/faults/ordinary-user.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'

const bucketKind = s3Kind('ceph')
beforeAll(() => bucketKind.start?.())
afterAll(() => bucketKind.stop?.())

const CONTENTS = {
  'locked/deep/kept': 'kept',
  'locked/lost': 'lost',
  'closed/file': 'closed',
  secret: 'secret',
}

/** Files at a destination, and how an ordinary user restores them to `to`, a directory of that user. */
async function setUp(kind: TestedKind, changes: Partial<FileMetadata> = {}) {
  const home = await makeHome(temporaryDirectory('restore-again'))
  const place = await kind.open(home)
  const destination = place.settings()
  const driver = drive(home, destination, place.secrets)
  for (const [name, content] of Object.entries(CONTENTS))
    expect(await driver.send(name, Buffer.from(content), { mode: 0o640, ...changes })).toMatchObject({
      kind: 'stored',
    })
  driver.stop()
  const base = temporaryDirectory('restore-user')
  giveAway(base, home.identityDirectory, ...(destination.kind === 'folder' ? [destination.path] : []))
  const to = path.join(base, 'to')
  const from = {
    ...{ destination, secrets: place.secrets, identityDirectory: home.identityDirectory, name: 'pc' },
    ...{ computer: null, key: null },
  }
  const restore = async (overwrite = false) => {
    const choice = { folder: 'data', path: null, version: null, at: null }
    const conflict = overwrite ? 'replace' : 'leave'
    const task: Task = { does: 'restore', from, wanted: [{ choice, destination: to, conflict }] }
    const events = await runTaskAsUser(task)
    const end = events.at(-1)
    if (end?.type !== 'restored') throw new Error(JSON.stringify(end))
    const told = events.flatMap((event): RestoreEvent[] => (event.type === 'restore' ? [event.event] : []))
    return { summary: end.summary, told }
  }
  const at = (name: string) => path.join(to, name)
  const readMode = (name: string) => (fs.statSync(at(name)).mode & 0o777).toString(8)
  return { restore, at, to, readMode }
}

describe.skipIf(!canBeOrdinary)(
  'second restore by an ordinary user into the same directory (needs root: another user)',
  () => {
    test.each([receiverKind, folderKind, bucketKind])(
      'closed files and directories from $name are compared and completed, and keep their modes',
      async (kind) => {
        const { restore, at, readMode } = await setUp(kind)
        expect((await restore()).summary).toMatchObject({ restored: 4, failed: 0 })
        fs.rmSync(at('locked/lost'))
        const modes = { secret: '0', 'closed/file': '400', closed: '0', 'locked/deep': '111', locked: '555' }
        for (const [name, mode] of Object.entries(modes)) fs.chmodSync(at(name), Number.parseInt(mode, 8))
        expect((await restore()).summary).toMatchObject({ restored: 1, same: 3, failed: 0, undressed: 0 })
        expect(fs.readFileSync(at('locked/lost'), 'utf8')).toBe('lost')
        for (const [name, mode] of Object.entries(modes))
          expect(`${name} ${readMode(name)}`).toBe(`${name} ${mode}`)

        fs.writeFileSync(at('locked/lost'), 'other work')
        expect((await restore()).summary).toMatchObject({ same: 3, failed: 1 })
        expect((await restore(true)).summary).toMatchObject({ restored: 1, same: 3, failed: 0 })
        expect(fs.readFileSync(at('locked/lost'), 'utf8')).toBe('lost')
        expect([readMode('locked'), readMode('secret')]).toEqual(['555', '640'])
      },
    )

    test("another owner's directory or file is reported with the missing permission, its path and a command", async () => {
      const { restore, at } = await setUp(folderKind)
      expect((await restore()).summary).toMatchObject({ restored: 4 })
      fs.rmSync(at('locked/lost'))
      for (const [name, mode] of [
        ['locked', 0o755],
        ['closed', 0o700],
        ['secret', 0o600],
      ] as const) {
        fs.chownSync(at(name), 0, 0)
        fs.chmodSync(at(name), mode)
      }
      const { told, summary } = await restore()
      expect(summary).toMatchObject({ same: 1, failed: 3 })
      const failed = told.filter(({ kind }) => kind === 'failed')
      const denied = (permission: string, name: string) => {
        const command = `sudo chown ${permission === 'read' ? '' : '-R '}65534 ${at(name)}`
        return { permission, path: at(name), owner: 0, command }
      }
      expect(failed).toEqual([
        {
          kind: 'failed',
          to: at('closed/file'),
          code: 'EACCES',
          denied: denied('enter', 'closed'),
        },
        {
          kind: 'failed',
          to: at('locked/lost'),
          code: 'EACCES',
          denied: denied('write', 'locked'),
        },
        {
          kind: 'failed',
          to: at('secret'),
          code: 'EACCES',
          denied: denied('read', 'secret'),
        },
      ])
      const sentences = failed.map((event) => describeEvent('nas', event) ?? message('store.encrypted'))
      expect(sentences.map(englishWords)).toEqual([
        expect.stringContaining(`no permission to enter the folder ${at('closed')} (x; owner: root)`),
        expect.stringContaining(`no permission to write in the folder ${at('locked')} (w; owner: root)`),
        expect.stringMatching(/no permission to read the existing file .*\/secret .* sudo chown /),
      ])
    })

    test('a target directory without read permission is rejected with the chown command that grants it', async () => {
      const { restore, to } = await setUp(folderKind)
      fs.mkdirSync(to, { mode: 0o711 })
      const refused = await restore().catch(String)
      expect(refused).toContain('"key":"store.restoreDenied.list"')
      expect(refused).toContain(`sudo chown 65534 ${to}"`)
    })

    test('extended attributes of a read-only file are restored by the first and the second restore', async () => {
      const more = { attributes: { 'user.note': Buffer.from('kept') } }
      const { restore, at, readMode } = await setUp(folderKind, { mode: 0o444, more })
      expect((await restore()).summary).toMatchObject({ restored: 4, undressed: 0 })
      expect((await restore(true)).summary).toMatchObject({ same: 4, undressed: 0 })
      expect(readMode('secret')).toBe('444')
      expect(execFileSync('getfattr', ['-n', 'user.note', at('secret')], { encoding: 'utf8' })).toContain(
        'kept',
      )
    })
  },
)
