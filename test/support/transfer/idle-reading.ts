/** What reads of a store that nobody reads. */
export const idleRead = async () => {
  throw Object.assign(new Error('nothing is read here'), { code: 'EIO' })
}
