/** A control, by the name that screen readers read. */
export interface Step {
  name: string
  /** The name of the directory, destination or channel that contains it. Dialogs and menus are outside of it. */
  within?: string
}

const CONTROLS =
  'button, input, select, textarea, summary, [role="menuitem"], [role="radiogroup"], [tabindex="-1"][aria-label]'
const OVERLAYS = '[role="dialog"], [role="menu"]'
const FIELDS = 'input, button, select, textarea, summary'
/** A page or a dialog that takes longer to appear has failed. */
const LONGEST_MS = 4_000
/** Within this time a dialog or a menu moves the focus to its first control, and a page gets its last texts. */
const SETTLE_MS = 400

let latest = 0

/** Goes to the last control as a person would: presses each control on the way once it is there, then focuses the last. */
export async function goTo(steps: readonly Step[]): Promise<void> {
  const mine = ++latest
  const end = performance.now() + LONGEST_MS
  let passed = -1
  while (performance.now() < end && mine === latest) {
    // At first the page with the link to the control must be gone.
    await nextFrame()
    const index = steps.findLastIndex((step, at) => at > passed && findControl(step) !== null)
    const step = steps[index]
    const control = step === undefined ? null : findControl(step)
    if (control !== null) {
      if (index === steps.length - 1) return arrive(control)
      passed = index
      control.click()
    }
  }
}

/** Shows and focuses a setting of the settings page. */
export async function showSetting(id: string): Promise<void> {
  const mine = ++latest
  const end = performance.now() + LONGEST_MS
  while (performance.now() < end && mine === latest) {
    const found = document.querySelector<HTMLElement>(`[data-setting="${CSS.escape(id)}"]`)
    if (found !== null && found.closest('[hidden]') === null) return arrive(found)
    await nextFrame()
  }
}

const nextFrame = () => new Promise((done) => requestAnimationFrame(done))

function findControl({ name, within }: Step): HTMLElement | null {
  const dialogs = document.querySelectorAll('[role="dialog"]')
  const root = dialogs.item(dialogs.length - 1) ?? document
  const isInside = (one: Element) =>
    within === undefined ||
    one.closest(OVERLAYS) !== null ||
    one.closest(`[aria-label="${CSS.escape(within)}"]`) !== null
  const controls = [...root.querySelectorAll<HTMLElement>(CONTROLS)].filter(
    (one) => one.checkVisibility() && isInside(one),
  )
  return controls.find((one) => getNames(one).includes(name)) ?? null
}

/** Returns the texts that name a control. The label of a switch contains its description, too. */
function getNames(control: HTMLElement): string[] {
  const labelledBy = document.getElementById(control.getAttribute('aria-labelledby') ?? '')
  const labels = 'labels' in control ? [...((control.labels as NodeListOf<Element> | null) ?? [])] : []
  const inSwitch = labels.map((one) => one.querySelector('.mantine-Switch-label'))
  const texts = [labelledBy, ...inSwitch, ...labels].map((one) => one?.textContent)
  const named = [control.getAttribute('aria-label'), ...texts]
  const given = named.filter((one) => one != null)
  return (given.length > 0 ? given : [control.textContent]).map((one) => one.trim())
}

/** Scrolls to an element and focuses it, or its first control. Its outline stays until it loses the focus. */
async function arrive(element: HTMLElement): Promise<void> {
  const target = findFocusable(element)
  const marked = element.closest<HTMLElement>('[data-setting], .mantine-Switch-root') ?? element
  // The input of a switch has no size.
  const seen = target.offsetHeight > 0 ? target : marked
  const end = performance.now() + SETTLE_MS
  seen.scrollIntoView({ block: 'center' })
  marked.setAttribute('data-found', '')
  target.focus()
  while (performance.now() < end) {
    await nextFrame()
    if (target.closest(OVERLAYS) !== null && document.activeElement !== target) target.focus()
  }
  seen.scrollIntoView({ block: 'nearest' })
  target.addEventListener('blur', () => marked.removeAttribute('data-found'), { once: true })
  if (document.activeElement !== target) marked.removeAttribute('data-found')
}

/** Returns the element's control; where it has none that can be used, the element itself. */
function findFocusable(element: HTMLElement): HTMLElement {
  const own = element.matches(FIELDS) ? [element] : [...element.querySelectorAll<HTMLElement>(FIELDS)]
  const usable = own.filter((one) => !one.matches(':disabled') && one.checkVisibility())
  const control = usable.find((one) => one.matches('[type="radio"]:checked')) ?? usable[0]
  if (control !== undefined) return control
  const whole = element.matches(FIELDS) ? (element.closest<HTMLElement>('section') ?? element) : element
  if (!whole.hasAttribute('tabindex')) whole.tabIndex = -1
  return whole
}
