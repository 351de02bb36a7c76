import { expect, test } from 'vitest'
import { Queue } from '../../../core/scan/watch/queue.ts'

test('gives back in order what was added, however much was taken before', () => {
  const queue = new Queue<number>()
  const taken: (number | undefined)[] = []
  for (let item = 0; item < 10_000; item += 1) {
    queue.add(item)
    if (item % 3 !== 0) taken.push(queue.take())
  }
  while (!queue.isEmpty) taken.push(queue.take())
  expect(taken).toEqual(Array.from({ length: 10_000 }, (_, item) => item))
  expect(queue.take()).toBeUndefined()
})

test('what is removed is given in order, the rest stays in order', () => {
  const queue = new Queue<number>()
  for (let item = 0; item < 6; item += 1) queue.add(item)
  queue.take()
  expect(queue.remove((item) => item % 2 === 0)).toEqual([2, 4])
  expect([queue.take(), queue.take(), queue.take(), queue.isEmpty]).toEqual([1, 3, 5, true])
})
