import { expect, test, vi } from 'vitest'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { describeUnsendable } from '../../../core/walk/walk.ts'

test.each([
  ['darwin', '/Users/ann/Documents', '', 'EPERM', true],
  ['darwin', '/Users/ann', 'desktop/a.dat', 'EPERM', true],
  ['darwin', '/Volumes/USB/data', 'run 1', 'EPERM', true],
  ['darwin', '/Users/ann/Pictures', 'My.photoslibrary/originals', 'EPERM', true],
  ['darwin', '/Users/ann/Documents', '', 'EACCES', false],
  ['darwin', '/Users/ann/Documents of work', '', 'EPERM', false],
  ['darwin', '/srv/data', '', 'EPERM', false],
  ['linux', '/Users/ann/Documents', '', 'EPERM', false],
] as const)('unreadable on %s: %s/%s (%s): full disk access is the remedy: %s', (...words) => {
  const [platform, root, path, code, isRemedy] = words
  const system = vi.spyOn(process, 'platform', 'get').mockReturnValue(platform)
  const { key, params } = describeUnsendable(root, { why: 'directory', path, code })
  system.mockRestore()
  expect(key).toBe(isRemedy ? 'scan.fullDiskAccess' : 'scan.directoryUnreadable')
  if (!isRemedy) return
  expect(createWords('en', 'window')({ key, params })).toContain('Full Disk Access, switch on Holdfast')
  expect(createWords('zh-TW')({ key, params })).toContain('「完全取用磁碟」')
})
