import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

/** Teal: the colour of the state "OK" and of controls. */
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

/** Greys with a tinge of the same teal. */
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

/** Dark enough for white text on it. */
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
 * Menus and dialogs fade in and disappear at once: leaving a page stops the timers that would end a fade, and an
 * invisible dialog would stay over the window.
 */
const comes = { duration: 120, exitDuration: 0 }

/** The window's theme; the colours of states are in styles/base.css. */
export const theme = createTheme({
  primaryColor: 'harbour',
  // White text on it has a contrast of 5.3 : 1.
  primaryShade: 7,
  colors: { harbour, dark, red },
  defaultRadius: 'md',
  // Inter is bundled with the window; Chinese uses the system's font.
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
        // Inside a landmark, and without the focus placeholder, a child that is not a menu item.
        portalProps: { target: '#main' },
        withInitialFocusPlaceholder: false,
        // Keeps its position even if the content behind it scrolls.
        floatingStrategy: 'fixed',
        transitionProps: comes,
      },
    },
    Modal: {
      defaultProps: {
        centered: true,
        // Lines of at most 80 characters.
        size: 600,
        padding: 'md',
        // The content behind a dialog does not scroll; the message below it does.
        lockScroll: false,
        // Avoids a second banner landmark.
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

/** Mantine's own greys are too light for text; an invalid input has the colour of failure. */
const ours = {
  '--mantine-color-dimmed': 'var(--quiet)',
  '--mantine-color-placeholder': 'var(--quiet)',
  '--mantine-color-error': 'var(--failing)',
}

/** Secondary buttons stand out from a dark card. */
const raised = {
  '--mantine-color-default': '#2b3338',
  '--mantine-color-default-hover': '#343d43',
  '--mantine-color-default-border': '#56636a',
}

/** Applies the colours of styles/base.css to Mantine's components, in both schemes. */
export const colourVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: ours,
  dark: { ...ours, ...raised },
})
