import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { Denied } from '../../../core/restore/write/metadata.ts'
import { canBeOrdinary, giveAway, letOthersIn, USER } from '../../support/faults/ordinary-user.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const metadata = new URL('../../../core/restore/write/metadata.ts', import.meta.url)

/** Calls findDenied in a process of the ordinary user, for each error with the path where it occurred. */
function findDeniedAsUser(root: string, errors: readonly (readonly [string, string])[]): (Denied | null)[] {
  for (const file of [process.execPath, fileURLToPath(metadata)]) letOthersIn(file)
  const script = `
    import { findDenied } from ${JSON.stringify(metadata.href)}
    const found = ${JSON.stringify(errors)}.map(([code, file]) =>
      findDenied(Object.assign(new Error(code), { code }), ${JSON.stringify(root)}, file.split('/')))
    process.stdout.write(JSON.stringify(found))`
  const args = ['--input-type=module', '-e', script]
  return JSON.parse(execFileSync(process.execPath, args, { uid: USER, gid: USER, encoding: 'utf8' }))
}

describe.skipIf(!canBeOrdinary)('missing permission (needs root: another user)', () => {
  test('the first directory or file on the way that lacks one is found, with the command that grants it', () => {
    const root = temporaryDirectory('denied')
    mkdirSync(path.join(root, 'own'))
    giveAway(root)
    for (const [name, mode] of Object.entries({ open: 0o755, unlisted: 0o711, closed: 0o700 })) {
      mkdirSync(path.join(root, name))
      chmodSync(path.join(root, name), mode)
    }
    writeFileSync(path.join(root, 'open/readable'), '', { mode: 0o644 })
    writeFileSync(path.join(root, 'open/secret'), '', { mode: 0o600 })
    const found = findDeniedAsUser(root, [
      ['EACCES', 'open/readable'],
      ['EACCES', 'open/new'],
      ['EACCES', 'open/secret'],
      ['EACCES', 'unlisted/file'],
      ['EACCES', 'closed/file'],
      ['EPERM', 'own/file'],
      ['EACCES', 'own/file'],
      ['ENOSPC', 'closed/file'],
    ])
    const denied = (permission: string, name: string, command: string) => {
      const at = path.join(root, name)
      return {
        permission,
        path: at,
        owner: permission === 'change' ? USER : 0,
        command: `sudo ${command} ${at}`,
      }
    }
    expect(found).toEqual([
      denied('write', 'open', `chown -R ${USER}`),
      denied('write', 'open', `chown -R ${USER}`),
      denied('read', 'open/secret', `chown ${USER}`),
      denied('list', 'unlisted', `chown -R ${USER}`),
      denied('enter', 'closed', `chown -R ${USER}`),
      denied('change', 'own', 'chattr -i'),
      null,
      null,
    ])
  })
})
