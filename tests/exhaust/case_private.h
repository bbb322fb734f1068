/* Between case.c, which lays a case out and runs it, and case_look.c, which knows what must come of it. */
#pragma once

#include "tests/exhaust/case.h"

#define AT(page) ((vaddr_t)(page) << PAGE_SHIFT)

/* One page: what is mapped there, by which area, and what it holds. */
struct place {
    struct pte leaf;
    uint16_t id;    /* of its content: the page that held it before, plus one; 0: no page */
    uint16_t pgoff; /* of its area, there */
    uint8_t anon;   /* the area's identity */
    char kind;      /* 0: nothing mapped; of the engine: nothing near */
};

/* The layout, by page: filled by case_stage(). */
extern struct place staged[EX_PAGES];

/* Pages of the target: of remap it may be longer or shorter than the source. */
unsigned target_pages(const struct ex_case *c);
unsigned kept_pages(const struct ex_case *c);

/* Rights, of an area and of a page in it. */
uint32_t prot_of(char kind);
unsigned rights_of(char kind);

/* Dies unless all is as the move of @c must have left it. */
void look_at_all(const struct ex_case *c);
