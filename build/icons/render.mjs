#!/usr/bin/env node
// Renders the icons' sources in this directory into assets/. Run it after changing an SVG; the images are committed, so
// that rsvg-convert (Debian package librsvg2-bin) is only needed for this.
//
//   node build/icons/render.mjs [DIRECTORY]     default: assets
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inProject, isProgram, runMain, SetupError } from '../setup/project.mjs'
import { capture } from '../setup/run.mjs'

const sources = inProject('build/icons')

/** Sizes of the application's icon, named as electron-builder and icon themes expect. */
const applicationSizes = [512, 256, 64, 32]

/**
 * Sizes for StatusNotifier panels and for macOS, at 100 % and at 200 %.
 * @type {[number, string][]}
 */
const traySizes = [
  [22, ''],
  [44, '@2x'],
]

/** Sizes of Windows' small icon, from 100 % to 300 %. */
const windowsSizes = [16, 20, 24, 32, 40, 48]

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

/**
 * Writes an .ico file of PNG images, as Windows reads them since Vista: a header, an entry of 16 bytes for each image,
 * and the images.
 * @param {string} file
 * @param {{ size: number, png: Buffer }[]} images
 */
async function writeIco(file, images) {
  const entries = Buffer.alloc(6 + 16 * images.length)
  entries.writeUInt16LE(1, 2)
  entries.writeUInt16LE(images.length, 4)
  let at = entries.length
  for (const [index, { size, png }] of images.entries()) {
    const entry = 6 + 16 * index
    entries.writeUInt8(size, entry)
    entries.writeUInt8(size, entry + 1)
    entries.writeUInt16LE(1, entry + 4)
    entries.writeUInt16LE(32, entry + 6)
    entries.writeUInt32LE(png.length, entry + 8)
    entries.writeUInt32LE(at, entry + 12)
    at += png.length
  }
  await writeFile(file, Buffer.concat([entries, ...images.map(({ png }) => png)]))
}

/**
 * Returns the SVG of a template image for macOS, which uses the alpha channel alone: the white marks become holes.
 * @param {string} svg
 */
function createTemplate(svg) {
  const white = /^.*fill="#fff".*$/gm
  const marks = (svg.match(white) ?? []).join('').replaceAll('#fff', '#000')
  const mask = `<mask id="m"><rect width="22" height="22" fill="#fff"/>${marks}</mask><g mask="url(#m)">`
  return svg.replace(white, '').replace('</title>', `$&${mask}`).replace('</svg>', '</g></svg>')
}

/**
 * Renders a tray image for the three systems (electron/main/systems.ts).
 * @param {string} svg
 * @param {string} directory
 * @param {string} scratch
 */
async function renderTray(svg, directory, scratch) {
  const stem = path.basename(svg, '.svg')
  const template = path.join(scratch, 'template.svg')
  await writeFile(template, createTemplate(await readFile(svg, 'utf8')))
  for (const [size, suffix] of traySizes) {
    await render(svg, size, path.join(directory, `${stem}${suffix}.png`))
    await render(template, size, path.join(directory, `${stem}Template${suffix}.png`))
  }
  const images = []
  for (const size of windowsSizes) {
    const png = path.join(scratch, 'windows.png')
    await render(svg, size, png)
    images.push({ size, png: await readFile(png) })
  }
  await writeIco(path.join(directory, `${stem}.ico`), images)
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
  const scratch = await mkdtemp(path.join(tmpdir(), 'holdfast-icons-'))
  for (const name of await readdir(path.join(sources, 'tray')))
    await renderTray(path.join(sources, 'tray', name), tray, scratch)
  await rm(scratch, { recursive: true })
  return 0
}

if (isProgram(import.meta.url)) await runMain(main)
