import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { buildAclCommand } from '../../../core/platform/owner-only.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { makeDirectory } from '../../../core/settings/default-directory.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const rest = ['*S-1-3-4:(OI)(CI)F', '*S-1-5-18:(OI)(CI)F', '*S-1-5-32-544:(OI)(CI)F']

test('Windows ACL: the user, the owner, the system and the administrators alone may use a data directory', () => {
  const env = { SystemRoot: 'C:\\WINDOWS', USERDOMAIN: 'LAB', USERNAME: 'ann' }
  expect(buildAclCommand('D:\\a b', env)).toEqual([
    'C:\\WINDOWS\\System32\\icacls.exe',
    ...['D:\\a b', '/inheritance:r', '/grant:r'],
    ...['LAB\\ann:(OI)(CI)F', ...rest],
  ])
  // A service of the system is no user that icacls finds.
  expect(buildAclCommand('D:\\a', { USERNAME: 'PC-7$', USERDOMAIN: 'WORKGROUP' }).slice(4)).toEqual(rest)
})

test('Windows ACL: a new data directory and a new key get it, and existing ones keep theirs', async () => {
  const asked: string[] = []
  const spawnSync = (_: string, [directory = '']: string[]) => {
    asked.push(directory)
    return { status: 0 }
  }
  const spies = [
    vi.spyOn(process, 'platform', 'get').mockReturnValue('win32'),
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ spawnSync } as never),
  ]
  onTestFinished(() => spies.forEach((spy) => void spy.mockRestore()))
  const data = path.join(temporaryDirectory('owner-only'), 'data')
  const identity = path.join(data, 'identity')
  for (let time = 1; time <= 2; time += 1) {
    makeDirectory(data)
    await loadIdentity(identity)
  }
  expect(asked).toEqual([data, identity])
})
