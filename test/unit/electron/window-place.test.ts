import { describe, expect, it } from 'vitest'
import { parseDirectories } from '../../../electron/main/arguments.ts'
import { fitBounds, isReachable, placeNear, placeToShow } from '../../../electron/main/window-place.ts'

const workArea = { x: 0, y: 28, width: 1280, height: 772 }
const second = { x: 1280, y: 0, width: 1920, height: 1080 }
const window = { x: 0, y: 0, width: 400, height: 640 }

describe('window position at the tray icon', () => {
  it('the window is below a tray at the top and above one at the bottom, inside the work area', () => {
    expect(placeNear({ x: 1200, y: 0, width: 24, height: 24 }, window, workArea)).toEqual({ x: 880, y: 28 })
    expect(placeNear({ x: 600, y: 776, width: 24, height: 24 }, window, workArea)).toEqual({ x: 412, y: 136 })
  })

  it('an unknown position of the icon leaves the window to the window manager', () => {
    expect(placeNear(null, window, workArea)).toBeNull()
    expect(placeNear({ x: 0, y: 0, width: 0, height: 0 }, window, workArea)).toBeNull()
  })
})

describe('remembered window position', () => {
  it('a position where the window can be grabbed is used', () => {
    expect(isReachable({ ...window, x: 2000, y: 100 }, [workArea, second])).toBe(true)
    expect(isReachable({ ...window, x: 1180, y: 28 }, [workArea])).toBe(true)
  })

  it.each([
    ['on a disconnected screen', { x: 2000, y: 100 }],
    ['left of every screen', { x: -390, y: 100 }],
    ['with its top above the screen', { x: 100, y: -200 }],
    ['with its top below the screen', { x: 100, y: 790 }],
  ])('a position %s is not used', (_where, place) => {
    expect(isReachable({ ...window, ...place }, [workArea])).toBe(false)
  })
})

describe('window position on showing', () => {
  const seen = { bounds: { ...window, x: 2000, y: 100 }, isPlaced: true, fillsScreen: false }
  const tray = { x: 1000, y: 0, width: 24, height: 24 }
  it('a reachable window stays in place', () => {
    expect(placeToShow(seen, tray, workArea, [workArea, second])).toBeNull()
  })

  it('a window on a disconnected screen is moved to a reachable place, even if the icon is not found', () => {
    const atTray = placeNear(tray, window, workArea)
    expect(placeToShow(seen, tray, workArea, [workArea])).toEqual(atTray)
    const place = placeToShow(seen, null, workArea, [workArea])
    expect(place).not.toBeNull()
    expect(isReachable({ ...seen.bounds, ...place }, [workArea])).toBe(true)
  })

  it('a window that fills the screen stays in place, even with its frame outside', () => {
    const maximised = { bounds: { x: -8, y: -31, width: 1296, height: 816 }, isPlaced: true }
    expect(placeToShow({ ...maximised, fillsScreen: true }, tray, workArea, [workArea])).toBeNull()
    expect(placeToShow({ ...maximised, fillsScreen: false }, tray, workArea, [workArea])).not.toBeNull()
  })

  it('the first position is left to the window manager if the icon is not found', () => {
    const first = { bounds: window, isPlaced: false, fillsScreen: false }
    expect(placeToShow(first, null, workArea, [workArea])).toBeNull()
  })
})

describe('command-line directories', () => {
  it('arguments after the application are directories, except switches', () => {
    expect(parseDirectories(['electron', '--no-sandbox', '/app', '/a', '--hidden', '/b'], false)).toEqual([
      '/a',
      '/b',
    ])
    expect(parseDirectories(['/opt/holdfast', '/a'], true)).toEqual(['/a'])
  })
})

describe('window size on a small screen', () => {
  const small = { x: 0, y: 20, width: 360, height: 500 }
  it('a window larger than the work area is reduced to it and moved inside', () => {
    expect(fitBounds({ x: 40, y: 300, width: 400, height: 640 }, small)).toEqual(small)
    expect(fitBounds({ x: 100, y: 300, width: 340, height: 640 }, small)).toEqual({
      ...small,
      x: 20,
      width: 340,
    })
  })

  it('a window that fits keeps its bounds', () => {
    const bounds = { x: -10, y: 600, width: 300, height: 400 }
    expect(fitBounds(bounds, small)).toEqual(bounds)
  })
})
