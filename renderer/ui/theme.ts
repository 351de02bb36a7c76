import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

/** Deep water: the colour of all that is well, and of what can be pressed. */
const harbour: MantineColorsTuple = [
  '#e8f6f4',
  '#d2ebe7',
  '#a5d8d1',
  '#74c3b9',
  '#4db2a6',
  '#2fa295',
  '#17907f',
  '#0b7a6b',
  '#066457',
  '#034f45',
]

/** Quiet greys with a little of the same water in them. */
const dark: MantineColorsTuple = [
  '#e3e7e9',
  '#bcc4c8',
  '#98a3a9',
  '#6b777e',
  '#434d53',
  '#353e43',
  '#262d31',
  '#1d2326',
  '#16191b',
  '#0f1213',
]

/** Deep enough that white words on it can be read. */
const red: MantineColorsTuple = [
  '#fdf0ef',
  '#fadcda',
  '#f4b5b1',
  '#ee8c87',
  '#e96a63',
  '#dd4a44',
  '#cf3934',
  '#bd2b2b',
  '#a52325',
  '#861b1e',
]

/**
 * Menus and dialogs fade in, and go at once: a page that is left meanwhile stops what its timers would end, and an
 * unseen dialog would stay over the window.
 */
const comes = { duration: 120, exitDuration: 0 }

/** The window's look; colours of states are in styles/base.css. */
export const theme = createTheme({
  primaryColor: 'harbour',
  // White words on it have a contrast of 5.3 : 1.
  primaryShade: 7,
  colors: { harbour, dark, red },
  defaultRadius: 'md',
  // Inter comes with the window; Chinese is written in the font that the system has for it.
  fontFamily:
    '"Inter Variable", "Noto Sans TC", "Noto Sans CJK TC", "PingFang TC", "Microsoft JhengHei", system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Menu: {
      defaultProps: {
        shadow: 'md',
        position: 'bottom-end',
        withinPortal: true,
        // Within a landmark, and with nothing in it that is no item.
        portalProps: { target: '#main' },
        withInitialFocusPlaceholder: false,
        // Whatever scrolls behind it.
        floatingStrategy: 'fixed',
        transitionProps: comes,
      },
    },
    Modal: {
      defaultProps: {
        centered: true,
        size: 'calc(100vw - 2rem)',
        padding: 'md',
        // Nothing behind it scrolls; the message below it does.
        lockScroll: false,
        // Not a second banner.
        attributes: { header: { role: 'none' } },
        transitionProps: comes,
      },
    },
    Tooltip: {
      defaultProps: {
        openDelay: 400,
        multiline: true,
        maw: 340,
        withArrow: true,
        portalProps: { target: '#main' },
        floatingStrategy: 'fixed',
      },
    },
  },
})

/** Mantine's own grey is too light for words on white; a refused input speaks in the colour of failure. */
const ours = { '--mantine-color-dimmed': 'var(--quiet)', '--mantine-color-error': 'var(--failing)' }

/** The colours of styles/base.css in Mantine's parts, in both schemes. */
export const colourVariables: CSSVariablesResolver = () => ({ variables: {}, light: ours, dark: ours })
