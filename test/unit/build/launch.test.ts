import path from 'node:path'
import { expect, test } from 'vitest'
import { absoluteWords, electronArguments, hasDisplay } from '../../../build/setup/launch.mjs'
import { cacheDirectory } from '../../../build/setup/project.mjs'

test.each([
  [{}, 'linux', false],
  [{ DISPLAY: '' }, 'linux', false],
  [{ DISPLAY: ':0' }, 'linux', true],
  [{ WAYLAND_DISPLAY: 'wayland-0' }, 'linux', true],
  [{}, 'darwin', true],
  [{}, 'win32', true],
] as const)('start script: a window can be shown with %j on %s: %s', (environment, platform, expected) => {
  expect(hasDisplay(environment, platform)).toBe(expected)
})

test('start script: relative directories start at the directory of the caller, not that of npm', () => {
  expect(absoluteWords(['data', '/srv', '--x', '../y'], { INIT_CWD: '/srv/ann/work' }, '/checkout')).toEqual([
    '/srv/ann/work/data',
    '/srv',
    '--x',
    '/srv/ann/y',
  ])
  expect(absoluteWords(['data'], {}, '/here')).toEqual(['/here/data'])
})

test('start script: the sandbox of Chromium is disabled for root only', () => {
  expect(electronArguments('/app', ['/data'], 0)).toEqual(['--no-sandbox', '/app', '/data'])
  expect(electronArguments('/app', ['/data'], 1000)).toEqual(['/app', '/data'])
  expect(electronArguments('C:\\app', [], undefined)).toEqual(['C:\\app'])
})

test('download cache: HOLDFAST_CACHE, XDG_CACHE_HOME or ~/.cache gives its directory', () => {
  expect(cacheDirectory({ HOLDFAST_CACHE: '/c', XDG_CACHE_HOME: '/x' })).toBe('/c')
  expect(cacheDirectory({ XDG_CACHE_HOME: '/x' })).toBe('/x/holdfast')
  expect(cacheDirectory({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache\/holdfast$/)
  expect(path.isAbsolute(cacheDirectory({}))).toBe(true)
})
