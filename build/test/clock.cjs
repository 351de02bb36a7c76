// Shifts the clock of a process, its threads and its child processes: preloaded by NODE_OPTIONS (surroundings.mjs). The
// kernel's clock stays: times of files, and C code such as SQLite, or OpenSSL's check of a certificate.
const { HOLDFAST_TEST_CLOCK = '', HOLDFAST_TEST_SHIFT } = process.env
const KernelDate = Date
const readKernel = Date.now
/** In milliseconds. A child process or a thread takes its parent's. */
let shift = Number(HOLDFAST_TEST_SHIFT ?? Date.parse(HOLDFAST_TEST_CLOCK) - readKernel())
if (Number.isNaN(shift)) throw new Error('HOLDFAST_TEST_CLOCK must be a time such as 2036-02-29T12:00:00Z.')

KernelDate.now = () => readKernel() + shift
globalThis.Date = new Proxy(KernelDate, {
  apply: () => new Date().toString(),
  construct: (target, words, made) =>
    Reflect.construct(target, words.length === 0 ? [target.now()] : words, made),
})
KernelDate.prototype.constructor = globalThis.Date

/**
 * Sets the clock of this process, and of the threads and child processes that it starts from now on.
 * @param {number | null} at in milliseconds since 1970; null: the kernel's clock.
 */
function setTestClock(at) {
  shift = at === null ? 0 : at - readKernel()
  process.env.HOLDFAST_TEST_SHIFT = String(shift)
}
Object.assign(globalThis, { setTestClock })
