import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { describeUnread } from '../../../../core/check/evidence/permission.ts'
import { createWords } from '../../../../core/lib/i18n/words.ts'
import { temporaryDirectory } from '../../../support/temporary.ts'

/** A system with a process in a control group. */
function inGroup(group: string): string {
  const root = temporaryDirectory('cgroup')
  mkdirSync(path.join(root, 'proc/self'), { recursive: true })
  writeFileSync(path.join(root, 'proc/self/cgroup'), `0::${group}\n`)
  return root
}

const SERVICE = '/system.slice/holdfast-agent.service'
const OF_USER = '/user.slice/user-1000.slice/user@1000.service/app.slice/holdfast-agent.service'

const ADM = 'sudo usermod -aG adm ada'
const AFTER_RESTART = `run this and restart the computer: ${ADM}`

const words = createWords('en')

test.each([
  [
    'a service of the system',
    SERVICE,
    'EPERM',
    true,
    `run: ${ADM} && sudo systemctl restart holdfast-agent.service`,
  ],
  ['a service of a user', OF_USER, 'EACCES', true, AFTER_RESTART],
  ['a session', '/user.slice/user-1000.slice/session-2.scope', 'EPERM', true, AFTER_RESTART],
  ['a service of another program', '/system.slice/cron.service', 'EPERM', true, AFTER_RESTART],
  ['a system without a journal', SERVICE, 'EPERM', false, 'sudo sysctl -w kernel.dmesg_restrict=0'],
  ['a container', '/', 'ENOENT', false, '--device=/dev/kmsg --cap-add=SYSLOG'],
] as const)(
  'unread log: the command that permits it, in %s',
  async (_, group, reason, hasJournal, command) => {
    const surroundings = { user: 'ada', isRoot: false, root: inGroup(group) }
    const sentence = await describeUnread({ reason, hasJournal }, surroundings)
    expect(sentence.params.reason).toBe(reason)
    const text = words(sentence)
    expect(text).toMatch(
      /^The kernel’s log cannot be read .*, so it is not known what it reported\. To permit it, /,
    )
    expect(text.endsWith(command)).toBe(true)
  },
)

test('unread log: root lacks what a container withholds', async () => {
  const surroundings = { user: 'root', isRoot: true, root: inGroup('/') }
  const sentence = await describeUnread({ reason: 'EPERM', hasJournal: true }, surroundings)
  expect(words(sentence)).toContain('--cap-add=SYSLOG')
})
