import { expect, test } from 'vitest'
import { readSftpTarget, sftpAddress } from '../../../core/backends/sftp/target.ts'

test.each([
  ['me@nas', { user: 'me', host: 'nas' }],
  ['me@nas:backup', { user: 'me', host: 'nas', path: 'backup' }],
  ['me@nas:/srv/backup', { user: 'me', host: 'nas', path: '/srv/backup' }],
  ['me@nas:2222', { user: 'me', host: 'nas', port: 2222 }],
  ['me@nas:2222:backup', { user: 'me', host: 'nas', port: 2222, path: 'backup' }],
  ['me@nas:2222:/srv', { user: 'me', host: 'nas', port: 2222, path: '/srv' }],
  ['me@nas:2222/backup', { user: 'me', host: 'nas', port: 2222, path: 'backup' }],
  ['me@nas:2222//srv', { user: 'me', host: 'nas', port: 2222, path: '/srv' }],
  ['me@nas:2024-06', { user: 'me', host: 'nas', path: '2024-06' }],
  ['me@lab.example@nas:a@b', { user: 'me@lab.example', host: 'nas', path: 'a@b' }],
  ['me@[2001:db8::1]:backup', { user: 'me', host: '2001:db8::1', path: 'backup' }],
  ['[fe80::1%eth0]:22', { host: 'fe80::1%eth0', port: 22 }],
  [' sftp://me@nas ', { user: 'me', host: 'nas' }],
  ['SFTP://me@nas:22/', { user: 'me', host: 'nas', port: 22 }],
  ['sftp://nas/backup', { host: 'nas', path: 'backup' }],
  ['sftp://me@nas:22//srv/a%20b', { user: 'me', host: 'nas', port: 22, path: '/srv/a b' }],
  ['sftp://me@[::1]:22/100%', { user: 'me', host: '::1', port: 22, path: '100%' }],
  ['sftp://me:secret@nas/backup', null],
  ['me@2001:db8::1', null],
  ['https://nas/backup', null],
  ['nas/backup', null],
  ['', null],
])('SFTP addresses: "%s" is parsed as %j', (text, target) => {
  expect(readSftpTarget(text)).toEqual(target)
})

test.each(['', 'backup', '/srv/backup', '100%', 'a%20b', 'a:b@c'])(
  'SFTP addresses: the displayed address of the directory "%s" parses to the same target',
  (path) => {
    for (const host of ['nas.example.org', '2001:db8::1'])
      for (const user of ['me', 'me@lab', 'DOMAIN%me']) {
        const { path: again = '', ...target } =
          readSftpTarget(sftpAddress({ host, user, port: 2222, path })) ?? {}
        expect({ ...target, path: again }).toEqual({ host, user, port: 2222, path })
      }
  },
)
