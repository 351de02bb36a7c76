import { readFileSync } from 'node:fs'
import { DEFAULT_THEME } from '@mantine/core'
import { expect, test } from 'vitest'
import { colourVariables, theme } from '../../../renderer/ui/theme.ts'

/** Relative luminance of "#rrggbb" (WCAG 2.2). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

const css = readFileSync(new URL('../../../renderer/ui/styles/base.css', import.meta.url), 'utf8')
/** A colour of the style sheet in the light and in the dark theme. */
function parseColours(name: string): [string, string] {
  const [, light = '', dark = ''] = new RegExp(`${name}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(css) ?? []
  return [light, dark]
}

test('theme: white text on a filled button has a contrast of at least 4.5 in both themes', () => {
  expect(typeof theme.primaryShade).toBe('number')
  const filled = theme.colors?.harbour?.[Number(theme.primaryShade)] ?? ''
  expect(contrast(filled, '#ffffff')).toBeGreaterThanOrEqual(4.5)
})

test.each(['--text', '--quiet', '--attention', '--failing'])(
  'theme: the colour %s has a contrast of at least 4.5 on page and card backgrounds',
  (name) => {
    for (const place of ['--ground', '--card-ground']) {
      const grounds = parseColours(place)
      parseColours(name).forEach((colour, index) => {
        expect(contrast(colour, grounds[index] ?? ''), `${colour} on ${place}`).toBeGreaterThanOrEqual(4.5)
      })
    }
  },
)

test('theme: a placeholder has the colour of quiet text, with a contrast of at least 4.5 in a field', () => {
  const { light, dark } = colourVariables(DEFAULT_THEME)
  for (const variables of [light, dark]) expect(variables['--mantine-color-placeholder']).toBe('var(--quiet)')
  // The grounds of fields in Mantine's two schemes.
  const grounds = ['#ffffff', theme.colors?.dark?.[6] ?? '']
  parseColours('--quiet').forEach((colour, index) => {
    expect(contrast(colour, grounds[index] ?? '')).toBeGreaterThanOrEqual(4.5)
  })
})
