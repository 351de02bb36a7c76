import { expect, test } from 'vitest'
import { createSemaphore, withPermit } from '../../../core/lib/async/semaphore.ts'

test('semaphore: permits are granted in order, even if a later request needs less', async () => {
  const semaphore = createSemaphore(10)
  const order: string[] = []
  const ask = (name: string, amount: number) =>
    semaphore.acquire(amount).then((granted) => order.push(`${name} ${granted}`))
  expect(semaphore.tryAcquire(8)).toBe(true)
  const large = ask('large', 5)
  const small = ask('small', 1)
  expect(semaphore.tryAcquire(1)).toBe(false)
  semaphore.release(8)
  await Promise.all([large, small])
  expect(order).toEqual(['large true', 'small true'])
  expect([semaphore.tryAcquire(5), semaphore.tryAcquire(4)]).toEqual([false, true])
  semaphore.release(4)
  const never = ask('never', 5)
  semaphore.close()
  await never
  expect(order.at(-1)).toBe('never false')
  expect(await semaphore.acquire(1)).toBe(false)
})

test('semaphore: tasks start in order and never exceed the number of permits', async () => {
  const semaphore = createSemaphore(2)
  const started: number[] = []
  let running = 0
  let most = 0
  await Promise.all(
    [0, 1, 2, 3, 4].map((index) =>
      withPermit(semaphore, async () => {
        started.push(index)
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
      }),
    ),
  )
  expect([most, started]).toEqual([2, [0, 1, 2, 3, 4]])
})
