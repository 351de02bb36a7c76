/** A moment on both clocks, in milliseconds: the wall clock may be set, so durations use the monotonic one. */
export interface Moment {
  wall: number
  steady: number
}

export const momentNow = (): Moment => ({ wall: Date.now(), steady: performance.now() })
