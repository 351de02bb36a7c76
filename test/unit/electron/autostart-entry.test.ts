import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { desktopEntry, getAutostartFile } from '../../../electron/main/autostart-entry.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('autostart entry: an empty XDG_CONFIG_HOME counts as unset', () => {
  const usual = path.join(homedir(), '.config/autostart/holdfast.desktop')
  expect(getAutostartFile({})).toBe(usual)
  expect(getAutostartFile({ XDG_CONFIG_HOME: '' })).toBe(usual)
  expect(getAutostartFile({ XDG_CONFIG_HOME: '/etc/own' })).toBe('/etc/own/autostart/holdfast.desktop')
})

const GIO = '/usr/bin/gio'

test('autostart entry: arguments of Exec are quoted as the desktop entry specification requires', () => {
  const exec = /^Exec=(.*)$/m.exec(desktopEntry(['/opt/a b/$x', '100%', 'say "hi"']))?.[1]
  expect(exec).toBe(String.raw`"/opt/a b/\\$x" "100%%" "say \\"hi\\""`)
})

test.runIf(existsSync(GIO))('autostart entry: the desktop runs exactly the given command', async () => {
  const directory = temporaryDirectory('autostart')
  const entry = path.join(directory, 'holdfast.desktop')
  const out = path.join(directory, 'a $b % "c" `d` \\e')
  writeFileSync(entry, desktopEntry(['/bin/sh', '-c', 'printf done > "$1"', 'sh', out]))
  execFileSync(GIO, ['launch', entry])
  await until('the command to have run', async () => existsSync(out))
})
