import type { TLSSocket } from 'node:tls'
import { streamPair } from '../faults/stream-pair.ts'
import { mutated, strayFrame, toBytes } from './frame-fuzz.ts'

/** What the attacker shows: it is a sender's that is let in. */
export const certificate = Buffer.from('the certificate of a sender')
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export interface Attack {
  random: () => number
  /** What the other end of a connection says first. */
  opening: Buffer
  /** What it says when it has been answered. */
  greeting?: Buffer
  /** How many of the connections begin without it. */
  unopened: number
  /** How many of them have frames of no meaning in place of those that `frame` makes. */
  stray: number
  /** How many of the frames are left as they are. */
  valid: number
  frame: typeof strayFrame
  sent(): void
}

/**
 * One connection to the end that is tested, with up to sixty frames, until either end has enough.
 *
 * @param serve what has the end that is tested; a promise of it is waited for, too.
 */
export async function attackOnce(
  serve: (socket: TLSSocket) => Promise<void> | void,
  attack: Attack,
): Promise<void> {
  const { random } = attack
  const { socket, far } = streamPair(certificate)
  let closed = false
  const over = new Promise<void>((resolve) => socket.once('close', resolve)).then(() => {
    closed = true
  })
  const served = serve(socket)
  let isAnswered = false
  far.once('data', () => {
    isAnswered = true
  })
  const beginning = random()
  if (beginning > attack.unopened) {
    far.write(attack.opening)
    while (attack.greeting !== undefined && !isAnswered && !closed) await turn()
    if (isAnswered && attack.greeting !== undefined) far.write(attack.greeting)
  }
  for (let count = 1 + Math.floor(random() * 60); count > 0 && !closed; count -= 1) {
    const isValid = random() < attack.valid
    const valid = beginning < attack.stray ? strayFrame(random) : attack.frame(random)
    far.write(isValid ? toBytes(valid) : mutated(random, valid))
    attack.sent()
    await turn()
  }
  if (random() < 0.5) far.destroy()
  else far.end()
  await over
  await served
}
