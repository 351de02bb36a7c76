// @module-tag timeless
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { validateConfiguration } from 'app-builder-lib/out/util/config/config.js'
import { DebugLogger } from 'builder-util'
import { expect, test } from 'vitest'
import { configuration } from '../../../build/package/configuration.mjs'
import { metainfoText } from '../../../build/package/deb.mjs'
import { notices } from '../../../build/package/notices.mjs'
import manifest from '../../../package.json' with { type: 'json' }

const root = path.resolve(import.meta.dirname, '../../..')
const electron = { directory: '/opt/electron', version: '45.3.4' }
const validate = (settings: object) => validateConfiguration(settings, new DebugLogger(false))

test('electron-builder: the configuration for each system matches its schema', async () => {
  const settings = await configuration({ electron })
  await validate(settings)
  await validate(await configuration({ electron, feed: 'https://example.org/holdfast' }))
  const targets = [settings.linux, settings.win, settings.mac].flatMap(({ target }) => target)
  expect(targets).toEqual(['AppImage', 'rpm', 'tar.gz', 'nsis', 'dmg'])
  for (const system of ['linux', 'win', 'mac'])
    await expect(validate({ ...settings, [system]: { targets } })).rejects.toThrow(`configuration.${system}`)
})

test('macOS: the application is in the menu bar alone, asks for guarded places, and is not slowed down when hidden', async () => {
  expect(Object.keys((await configuration({ electron })).mac.extendInfo)).toEqual([
    'LSUIElement',
    'NSAppSleepDisabled',
    'NSDesktopFolderUsageDescription',
    'NSDocumentsFolderUsageDescription',
    'NSDownloadsFolderUsageDescription',
    'NSRemovableVolumesUsageDescription',
    'NSNetworkVolumesUsageDescription',
  ])
})

test('Windows: the uninstaller calls what removes the start at login, which has the id of the application', () => {
  const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
  const script = read('build/package/installer.nsh')
  expect([...script.matchAll(/^!macro (\w+)/gm)].map(([, name]) => name)).toEqual(['customUnInstall'])
  expect(script).toMatch(/\\CurrentVersion\\Run" "\$\{APP_ID\}"/)
  const templates = 'node_modules/app-builder-lib/templates/nsis'
  expect(read(`${templates}/uninstaller.nsh`)).toContain('!insertmacro customUnInstall\n')
  expect(read('electron/main/identity.ts')).toContain('app.setAppUserModelId(manifest.appId)')
})

test('package metadata: the application id comes from package.json, and no placeholder is left', async () => {
  expect((await configuration({ electron })).appId).toBe(manifest.appId)
  const said = await metainfoText()
  expect(said).toContain(`<id>${manifest.appId}</id>`)
  expect(said).not.toContain('@')
})

test('command line licences: the text includes the licences of the parts of Node.js', async () => {
  const text = await notices()
  expect(text).toMatch(/^node 24\.\d+\.\d+: MIT\n\n/m)
  for (const part of ['OpenSSL', 'V8', 'ICU', 'libuv', 'zlib', 'nghttp2'])
    expect(text).toContain(`${part}, located at`)
})

test('build command: a failure exits with 1 although a dependency exits with 0', () => {
  const project = pathToFileURL(path.join(root, 'build/setup/project.mjs')).href
  const script = `import { runMain } from '${project}'
process.on('beforeExit', () => process.exit(0))
await runMain(async () => { throw new Error('no') })`
  expect(spawnSync(process.execPath, ['--input-type=module', '--eval', script]).status).toBe(1)
})
