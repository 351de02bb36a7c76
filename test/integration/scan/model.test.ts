import { expect, test } from 'vitest'
import { formatProgram, generate } from '../../support/model/program.ts'
import { startWaves } from '../../support/model/wave.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Programs that run side by side. */
const WAVE = 50
const count = Number(process.env.HOLDFAST_MODEL_COUNT ?? 50)
/** One seed again and again: what it found may hang on the moment. */
const repeated = process.env.HOLDFAST_MODEL_SEED
const first = Number(process.env.HOLDFAST_SEED ?? Math.floor(Math.random() * 2 ** 31))

test(`scanner model: the receiver has the files that the model expects, ${count} seeds`, {
  timeout: 240_000 + count * 1_000,
}, async () => {
  console.log(`model: seeds from ${first} (HOLDFAST_SEED=${first} repeats them, HOLDFAST_MODEL_SEED=… one)`)
  const waves = await startWaves(temporaryDirectory('model'))
  for (let from = 0; from < count; from += WAVE) {
    const programs = Array.from({ length: Math.min(WAVE, count - from) }, (_, index) =>
      generate(repeated === undefined ? first + from + index : Number(repeated)),
    )
    const wrong = await waves.run(programs)
    const [worst] = wrong
    const told = wrong.map(({ id, program, violations, notes }) => ({
      id,
      seed: program.seed,
      violations,
      notes,
    }))
    expect(told, worst === undefined ? '' : formatProgram(worst.program)).toEqual([])
  }
})
