import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { Sparkline } from '../../../renderer/ui/sparkline.tsx'

const heightsOf = (...delays: (number | null)[]) =>
  [...renderToStaticMarkup(<Sparkline delays={delays} />).matchAll(/<rect[^>]*? height="([\d.]+)"/g)].map(
    ([, height]) => Number(height),
  )

test('the delays of a fast disk can be seen, and are no mountains', () => {
  expect(heightsOf(0.1, 0.3, 0.5, 1)).toEqual([3, 3, 4, 8])
})

test('one long delay does not flatten the others, and a failed check is the highest', () => {
  expect(heightsOf(10, 10, 2000, null)).toEqual([8, 8, 14, 16])
})
