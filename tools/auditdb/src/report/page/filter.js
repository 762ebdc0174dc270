'use strict';
// The timeline's filter. What is chosen stands in the address, so that it can be sent and comes back.
const form = document.getElementById('filter');
const rows = Array.from(document.querySelectorAll('#timeline tbody tr'));
const shown = document.getElementById('shown');
function apply() {
  const chosen = new FormData(form), tool = chosen.get('tool'), words = chosen.get('words').toLowerCase();
  let count = 0;
  for (const row of rows) {
    const fits = (!tool || row.dataset.tool === tool) && Number(row.dataset.severity) >= Number(chosen.get('severity')) && row.textContent.toLowerCase().includes(words);
    row.hidden = !fits;
    count += fits ? 1 : 0;
  }
  shown.textContent = `${count} of ${rows.length} shown`;
}
function take() {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const field = form.elements.namedItem(name);
    if (field) { field.value = value; }
  }
  apply();
}
if (form) {
  form.hidden = false;
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', () => { history.replaceState(null, '', `#${new URLSearchParams(new FormData(form))}`); apply(); });
  window.addEventListener('hashchange', take);
  take();
}
