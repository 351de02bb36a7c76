import { expect, test } from 'vitest'
import { loadProgram } from '../../../cli/program.ts'

/** The values that the options of an inner command get. */
async function valuesOf(names: readonly string[], words: readonly string[]): Promise<object> {
  const [name = '', inner = ''] = names
  const command = (await loadProgram([name])).commands
    .find((one) => one.name() === name)
    ?.commands.find((one) => one.name() === inner)
  command?.exitOverride().configureOutput({ writeErr: () => undefined })
  command?.parseOptions([...words])
  return command?.opts() ?? {}
}

const keep = (...words: string[]) => valuesOf(['destinations', 'keep'], words)
const limit = (...words: string[]) => valuesOf(['settings', 'limit'], words)

test('destinations keep: the time needs a unit, and the numbers of versions are bare', async () => {
  expect(
    await keep('--within', '7d', '--daily', '14', '--weekly', '0', '--monthly', '6', '--yearly', '2'),
  ).toEqual({ within: 7, daily: 14, weekly: 0, monthly: 6, yearly: 2 })
})

test.each([
  ['--within', '30', 'a time such as 90s, 5m, 2h or 30d: a whole number from 1'],
  ['--within', '36h', 'a whole number from 1'],
  ['--daily', '-1', 'It must be a whole number from 0'],
  ['--weekly', '1.5', 'It must be a whole number from 0'],
  ['--monthly', '10001', 'to 10000'],
  ['--yearly', 'many', 'to 10000'],
])('destinations keep: %s %s is refused', async (option, value, said) => {
  await expect(keep(option, value)).rejects.toThrow(said)
})

test('settings limit: each option takes its value', async () => {
  const rule = 'sat,sun 00:00-00:00 free'
  expect(await limit('--rule', rule, '--pause-on-battery', '--versions-per-hour', '4')).toEqual({
    rule: [{ days: [0, 6], from: '00:00', to: '00:00', allow: 'free' }],
    pauseOnBattery: true,
    versionsPerHour: 4,
  })
  expect(await limit('--no-rules', '--no-pause-on-battery', '--no-pause-on-metered')).toEqual({
    rules: false,
    pauseOnBattery: false,
    pauseOnMetered: false,
  })
})

test.each(['0', '3601', '1.5', '4/h'])('settings limit: %s versions an hour are refused', async (value) => {
  await expect(limit('--versions-per-hour', value)).rejects.toThrow('from 1 to 3600')
})

test.each([
  [['receive', 'on'], '--port'],
  [['receive', 'on'], '--isocket-port'],
  [['receive', 'on'], '--quota-files'],
  [['receive', 'on'], '--silent-hours'],
  [['receive', 'on'], '--failing-minutes'],
])('%j %s: an empty value, as of an unset variable, and other texts are no number', async (names, option) => {
  for (const value of ['', ' ', '0x10', '1e3', '-1', 'NaN', '１０'])
    await expect(valuesOf(names, [option, value]), value).rejects.toThrow('It must be a')
})
