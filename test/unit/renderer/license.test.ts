import { expect, test } from 'vitest'
import { parseLicense } from '../../../renderer/features/overview/digests-part.tsx'

test('licence of an RO-Crate: a web address or nothing is accepted', () => {
  const license = 'https://creativecommons.org/licenses/by/4.0/'
  expect(parseLicense(` ${license} `)).toBe(license)
  expect(parseLicense(' ')).toBeNull()
  for (const typed of ['CC BY 4.0', 'https://', 'javascript:alert(1)', 'https://a b'])
    expect(parseLicense(typed), typed).toBeUndefined()
})
