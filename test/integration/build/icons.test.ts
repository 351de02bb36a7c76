import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { statusLevels } from '../../../core/agent/state/schema.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const tray = path.join(root, 'assets/tray')

/** Red, green, blue, alpha of each pixel. */
function pixels(file: string): number[][] {
  const bytes = execFileSync('convert', [file, '-depth', '8', 'rgba:-'], { maxBuffer: 1 << 24 })
  return Array.from({ length: bytes.length / 4 }, (_, index) => [...bytes.subarray(index * 4, index * 4 + 4)])
}

const readSize = (file: string) => execFileSync('identify', ['-format', '%wx%h', file]).toString()

/** WCAG 2's relative luminance and contrast. */
function luminance([red = 0, green = 0, blue = 0]: number[]): number {
  const linear = [red, green, blue].map((value) => {
    const part = value / 255
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0)
}

function contrast(one: number[], other: number[]): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

describe.skipIf(!existsSync('/usr/bin/identify'))('icons (needs ImageMagick)', () => {
  test('every status has a tray icon for each system at its sizes, and no other icon exists', () => {
    const names = statusLevels.flatMap((level) =>
      ['', 'Template']
        .flatMap((kind) => [`${level}${kind}.png`, `${level}${kind}@2x.png`])
        .concat(`${level}.ico`),
    )
    expect(readdirSync(tray).sort()).toEqual(names.sort())
    for (const level of statusLevels) {
      for (const kind of ['', 'Template']) {
        expect(readSize(path.join(tray, `${level}${kind}.png`))).toBe('22x22')
        expect(readSize(path.join(tray, `${level}${kind}@2x.png`))).toBe('44x44')
      }
      expect(readSize(path.join(tray, `${level}.ico`))).toBe('16x1620x2024x2432x3240x4048x48')
    }
    for (const size of [32, 64, 256, 512]) {
      expect(readSize(path.join(root, `assets/icons/${size}x${size}.png`))).toBe(`${size}x${size}`)
    }
  })

  test('template images for macOS have the same shapes, with holes in place of white marks', () => {
    for (const level of statusLevels) {
      const template = pixels(path.join(tray, `${level}Template.png`))
      const differing = pixels(path.join(tray, `${level}.png`)).filter((pixel, index) => {
        const [red = 0, green = 0, blue = 0, alpha = 0] = pixel
        const inTemplate = template[index]?.[3] ?? 0
        const isMark = alpha === 255 && Math.min(red, green, blue) > 240
        // Pixels at an edge are of no matter.
        return isMark
          ? inTemplate > 60
          : (alpha === 0 && inTemplate > 60) || (alpha === 255 && inTemplate === 0)
      })
      expect(differing, level).toEqual([])
    }
  })

  test('shapes of the tray icons differ without their colours', () => {
    const shapes = statusLevels.map((level) => ({
      level,
      // White marks inside of a shape count as holes: that is how they look on a light panel.
      solid: pixels(path.join(tray, `${level}.png`)).map(
        ([red = 0, green = 0, blue = 0, alpha = 0]) => alpha > 127 && Math.min(red, green, blue) < 200,
      ),
    }))
    for (const one of shapes) {
      for (const other of shapes.filter(({ level }) => level > one.level)) {
        const differing = one.solid.filter((solid, index) => solid !== other.solid[index]).length
        expect(differing, `${one.level} and ${other.level} of 484 pixels`).toBeGreaterThan(60)
      }
    }
  })

  test.each(statusLevels.map((level) => [level]))(
    'the tray icon %s has enough contrast on light and dark panels',
    (level) => {
      // The shape's own colour; pixels between it and a white mark or the panel are of no matter.
      const tally = new Map<string, number>()
      for (const [red = 0, green = 0, blue = 0, alpha = 0] of pixels(path.join(tray, `${level}@2x.png`))) {
        const colour = `${red},${green},${blue}`
        if (alpha === 255 && Math.min(red, green, blue) < 200) tally.set(colour, (tally.get(colour) ?? 0) + 1)
      }
      const dominant =
        [...tally]
          .sort((a, b) => b[1] - a[1])[0]?.[0]
          .split(',')
          .map(Number) ?? []
      expect(dominant).toHaveLength(3)
      // WCAG 2.1, 1.4.11: graphical objects need 3:1.
      expect(contrast(dominant, [0x2b, 0x2b, 0x2b])).toBeGreaterThan(3)
      expect(contrast(dominant, [0xf6, 0xf6, 0xf6])).toBeGreaterThan(3)
    },
  )
})
