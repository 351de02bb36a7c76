import { expect, test } from 'vitest'
import { toGreetingName } from '../../../core/alerts/channels/mail.ts'

test.each([
  ['station.example.org', 'station.example.org'],
  ['sta-tion.lab', 'sta-tion.lab'],
  ['my_station.example.org', '[127.0.0.1]'],
  ['station', '[127.0.0.1]'],
  ['-x.example.org', '[127.0.0.1]'],
  ['車站.example', '[127.0.0.1]'],
  ['10.1.2.3', '[127.0.0.1]'],
])('mail greeting: a computer named %s greets with %s', (host, name) => {
  expect(toGreetingName(host)).toBe(name)
})
