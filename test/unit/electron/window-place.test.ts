import { describe, expect, it } from 'vitest'
import { parseDirectories } from '../../../electron/main/arguments.ts'
import { fitBounds, isReachable, placeNear, placeToShow } from '../../../electron/main/window-place.ts'

const workArea = { x: 0, y: 28, width: 1280, height: 772 }
const second = { x: 1280, y: 0, width: 1920, height: 1080 }
const window = { x: 0, y: 0, width: 400, height: 640 }

describe('where the window goes', () => {
  it('is below a tray at the top and above one at the bottom, inside the work area', () => {
    expect(placeNear({ x: 1200, y: 0, width: 24, height: 24 }, window, workArea)).toEqual({ x: 880, y: 28 })
    expect(placeNear({ x: 600, y: 776, width: 24, height: 24 }, window, workArea)).toEqual({ x: 412, y: 136 })
  })

  it('is left to the window manager where nobody knows where the icon is', () => {
    expect(placeNear(null, window, workArea)).toBeNull()
    expect(placeNear({ x: 0, y: 0, width: 0, height: 0 }, window, workArea)).toBeNull()
  })
})

describe('a place from before', () => {
  it('is used while a hand can take hold of the window there', () => {
    expect(isReachable({ ...window, x: 2000, y: 100 }, [workArea, second])).toBe(true)
    expect(isReachable({ ...window, x: 1180, y: 28 }, [workArea])).toBe(true)
  })

  it.each([
    ['on a screen that is gone', { x: 2000, y: 100 }],
    ['left of every screen', { x: -390, y: 100 }],
    ['with its top above the screen', { x: 100, y: -200 }],
    ['with its top below the screen', { x: 100, y: 790 }],
  ])('is not used %s', (_where, place) => {
    expect(isReachable({ ...window, ...place }, [workArea])).toBe(false)
  })
})

describe('a window that is shown', () => {
  const seen = { bounds: { ...window, x: 2000, y: 100 }, isPlaced: true, fillsScreen: false }
  const tray = { x: 1000, y: 0, width: 24, height: 24 }
  it('stays while it can be reached', () => {
    expect(placeToShow(seen, tray, workArea, [workArea, second])).toBeNull()
  })

  it('comes back from a screen that is gone, also where nobody knows where the icon is', () => {
    const atTray = placeNear(tray, window, workArea)
    expect(placeToShow(seen, tray, workArea, [workArea])).toEqual(atTray)
    const place = placeToShow(seen, null, workArea, [workArea])
    expect(place).not.toBeNull()
    expect(isReachable({ ...seen.bounds, ...place }, [workArea])).toBe(true)
  })

  it('stays where it fills a screen, also with its frame outside', () => {
    const maximised = { bounds: { x: -8, y: -31, width: 1296, height: 816 }, isPlaced: true }
    expect(placeToShow({ ...maximised, fillsScreen: true }, tray, workArea, [workArea])).toBeNull()
    expect(placeToShow({ ...maximised, fillsScreen: false }, tray, workArea, [workArea])).not.toBeNull()
  })

  it('is left to the window manager for the first time, where nobody knows where the icon is', () => {
    const first = { bounds: window, isPlaced: false, fillsScreen: false }
    expect(placeToShow(first, null, workArea, [workArea])).toBeNull()
  })
})

describe('the directories on the command line', () => {
  it('are the words after the application, without switches', () => {
    expect(parseDirectories(['electron', '--no-sandbox', '/app', '/a', '--hidden', '/b'], false)).toEqual([
      '/a',
      '/b',
    ])
    expect(parseDirectories(['/opt/holdfast', '/a'], true)).toEqual(['/a'])
  })
})

describe('a window on a small screen', () => {
  const small = { x: 0, y: 20, width: 360, height: 500 }
  it('is no larger than its work area, and inside of it', () => {
    expect(fitBounds({ x: 40, y: 300, width: 400, height: 640 }, small)).toEqual(small)
    expect(fitBounds({ x: 100, y: 300, width: 340, height: 640 }, small)).toEqual({
      ...small,
      x: 20,
      width: 340,
    })
  })

  it('stays as it is where it fits', () => {
    const bounds = { x: -10, y: 600, width: 300, height: 400 }
    expect(fitBounds(bounds, small)).toEqual(bounds)
  })
})
