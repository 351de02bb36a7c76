import { expect, test } from 'vitest'
import { pageLinkLines } from '../../../cli/agent/page-link.ts'
import { getUserName } from '../../../core/platform/user-name.ts'

const link = 'http://127.0.0.1:8421/#once-secret'
const lines = (ssh?: string) => pageLinkLines(link, 0, ssh === undefined ? {} : { SSH_CONNECTION: ssh })

test('page link: it is printed with the time until which it works', () => {
  expect(lines()).toEqual([expect.stringMatching(/This link works once, until .+:$/), `  ${link}`])
})

test.each([
  ['192.0.2.9 50122 192.0.2.5 22', '', '192.0.2.5'],
  ['192.0.2.9 50122 192.0.2.5 2222', '-p 2222 ', '192.0.2.5'],
  ['2001:db8::9 50122 2001:db8::5 22', '', '2001:db8::5'],
])('page link: over ssh (%s) a tunnel is printed, without the secret', (connection, port, host) => {
  expect(lines(connection).slice(2)).toEqual([
    expect.stringContaining('You are connected by ssh.'),
    `  ssh -o ExitOnForwardFailure=yes -L 127.0.0.1:8421:127.0.0.1:8421 ${port}${getUserName()}@${host}`,
  ])
})
