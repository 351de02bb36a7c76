import { expect, test } from 'vitest'
import { loginItem, startsAtLogin, trayImage } from '../../../electron/main/systems.ts'

test.each([
  { platform: 'linux', image: 'failing.png' },
  { platform: 'win32', image: 'failing.ico' },
  // Electron makes a template image of a file with this ending.
  { platform: 'darwin', image: 'failingTemplate.png' },
] as const)('tray image: $platform has its own format', ({ platform, image }) => {
  expect(trayImage('failing', platform)).toBe(image)
})

test('login item: a path with a space is quoted for Windows alone', () => {
  const program = 'C:\\Users\\Ada Lovelace\\holdfast-desktop.exe'
  expect(loginItem(program, ['--hidden'], 'win32')).toEqual({ path: `"${program}"`, args: ['--hidden'] })
  expect(loginItem('/Applications/Holdfast.app', [], 'darwin').path).toBe('/Applications/Holdfast.app')
})

test.each([
  { platform: 'win32', openAtLogin: true, executableWillLaunchAtLogin: true, starts: true },
  { platform: 'win32', openAtLogin: true, executableWillLaunchAtLogin: false, starts: false },
  { platform: 'win32', openAtLogin: false, executableWillLaunchAtLogin: true, starts: false },
  { platform: 'darwin', openAtLogin: true, executableWillLaunchAtLogin: false, starts: true },
] as const)('login item: starts at login on $platform: $starts', ({ platform, starts, ...state }) => {
  expect(startsAtLogin(state, platform)).toBe(starts)
})
