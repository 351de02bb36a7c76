#!/usr/bin/env node
// Renders the icons' sources in this directory into assets/. Run it after changing an SVG; the images are committed, so
// that rsvg-convert (Debian package librsvg2-bin) is only needed for this.
//
//   node build/icons/render.mjs [DIRECTORY]     default: assets
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import path from 'node:path'
import { inProject, isProgram, runMain, SetupError } from '../setup/project.mjs'
import { capture } from '../setup/run.mjs'

const sources = inProject('build/icons')

/** Sizes of the application's icon, named as electron-builder and icon themes expect. */
const applicationSizes = [512, 256, 64, 32]

/**
 * Sizes for StatusNotifier panels, at 100 % and at 200 %.
 * @type {[number, string][]}
 */
const traySizes = [
  [22, ''],
  [44, '@2x'],
]

/**
 * @param {string} svg
 * @param {number} size
 * @param {string} png
 */
async function render(svg, size, png) {
  const result = await capture('rsvg-convert', [
    '--width',
    String(size),
    '--height',
    String(size),
    '-o',
    png,
    svg,
  ])
  if (result.missing) throw new SetupError('rsvg-convert is missing: apt-get install librsvg2-bin')
  if (result.status !== 0) throw new SetupError(`${svg} could not be rendered: ${result.stderr.trim()}`)
}

async function main() {
  const target = path.resolve(process.argv[2] ?? inProject('assets'))
  const icons = path.join(target, 'icons')
  const tray = path.join(target, 'tray')
  await mkdir(icons, { recursive: true })
  await mkdir(tray, { recursive: true })
  const application = path.join(sources, 'holdfast.svg')
  await copyFile(application, path.join(icons, 'holdfast.svg'))
  for (const size of applicationSizes)
    await render(application, size, path.join(icons, `${size}x${size}.png`))
  for (const name of await readdir(path.join(sources, 'tray'))) {
    const stem = path.basename(name, '.svg')
    for (const [size, suffix] of traySizes) {
      await render(path.join(sources, 'tray', name), size, path.join(tray, `${stem}${suffix}.png`))
    }
  }
  return 0
}

if (isProgram(import.meta.url)) await runMain(main)
