"""Spanish."""

from bestofinf.answers.wording.language import Language

SPANISH = Language(
    code="es",
    decimal=",",
    accents=True,
    inverts=True,
    articles="""el la los las lo un una unos unas él ella ellos ellas ello este esta esto estos estas ese esa
        eso aquel su sus le les se me te nos yo tú usted ustedes nosotros que quien quienes al del aquí
        allí ahí mi tu""",
    be="""es son está están ser sido estar ha han haber hay siendo soy somos estado""",
    was="era eran fue fueron estaba estaban había habían estuvo",
    prepositions="""a de en con por para sin sobre bajo entre hacia hasta desde contra según durante mediante
        tras ante cerca_de junto_a dentro_de fuera_de detrás_de delante_de antes_de después_de a_partir_de
        debido_a a_causa_de lejos_de alrededor_de como""",
    plain="a de en con por para desde durante mediante como sobre",
    percents="porcentaje ciento",
    modals="""
        puede pueden poder podría podrían
        debe deben deber deberá tiene_que
        debería deberían
        quizás quizá posiblemente probablemente
        """,
    fillers="""desgraciadamente lamentablemente desafortunadamente afortunadamente
        total suma cantidad número cifra valor respuesta resultado exactamente precisamente
        aproximadamente unos actualmente hoy ahora también ya simplemente realmente ciertamente bien
        entonces así siguiente siguientes igual asciende ascienden encuentra encuentran queda quedan dura
        duran tarda tardan tiene tienen totalmente completamente claro oficialmente promedio llama llaman
        mismo""",
    nouns="""cliente clientes usuario usuarios persona personas gente empresa compañía organización parte
        artículo artículos miembro miembros nombre afirmación""",
    tells="dice indica indicado especifica especificado menciona mencionado muestra señala establece",
    yes="sí si claro efectivamente exacto correcto ciertamente",
    no="no",
    true="verdadero verdadera cierto cierta verdad correcto correcta",
    false="falso falsa incorrecto incorrecta",
    negations="no nunca jamás ningún ninguno ninguna nadie nada ni sin tampoco",
    withouts="sin",
    conditions="""solo sólo solamente únicamente salvo excepto si_es pero sino parcialmente en_parte a_veces
        algunos algunas generalmente casi siempre_que a_partir_de hasta cuando aunque todavía aún
        a_menos_que según mayoría""",
    guards="""antes antiguamente anteriormente previamente inicialmente salvo excepto pero sino solo sólo
        previsto después hasta otro otra otros próximo próxima último última primero primera ya_no
        en_lugar_de rechaza rechazó evita evitar ex""",
    comparators="""
        > más_de superior_a mayor_de
        < menos_de inferior_a menor_de
        >= al_menos por_lo_menos como_mínimo mínimo a_partir_de
        <= como_máximo máximo a_lo_sumo
        ~ aproximadamente unos unas alrededor_de exactamente cerca_de
        # casi
        * cada
        """,
    per="por / cada por_cada",
    after_amount="al a_la el la",
    rates="""
        day diario diaria diariamente
        week semanal semanalmente
        month mensual mensualmente mensuales
        year anual anualmente anuales
        """,
    counting="vez veces",
    joins="y e & así_como",
    ors="o u",
    agents="por",
    places="en a",
    at_times="el en a desde",
    until="antes_de hasta",
    contrasts="no en_lugar_de en_vez_de",
    documents="""documento documentos texto textos contexto fuente fuentes pasaje información informe contrato
        reglamento manual guía página""",
    mentions="""consta menciona mencionan mencionado mencionada dice dicen indica indican indicado especifica
        especificado sé sabe conoce conocido responder encontrar encuentra encontrado determinar""",
    knowledge="información respuesta dato datos detalle detalles idea mención",
    offers="contiene contienen da dado proporciona proporcionado disponible ofrece hay figura",
    unknowns="desconocido desconocida desconoce",
    regrets="siento lamentablemente desafortunadamente",
    sources="según de_acuerdo_con conforme_a basado_en en_el_texto en_el_documento en_el_contexto",
    references="sección página artículo capítulo párrafo tabla figura anexo nota véase §",
    relatives="""que quien cual donde porque ya como según incluyendo después antes desde con véase tras""",
    interrogatives="""
        duration cuánto_tiempo durante_cuánto_tiempo
        frequency con_qué_frecuencia cuántas_veces cada_cuánto
        count cuántos cuántas
        amount cuánto cuánta
        date cuándo desde_cuándo hasta_cuándo en_qué_año en_qué_fecha qué_día a_qué_hora qué_año qué_fecha
        place dónde adónde
        person quién quiénes a_quién de_quién por_quién
        cause por_qué
        name qué cuál cuáles
        """,
    quantities="""
        duration duración plazo período periodo garantía
        money precio coste costo tarifa importe alquiler salario presupuesto ingresos beneficio
        share porcentaje proporción parte_
        measure altura anchura longitud profundidad peso tamaño superficie volumen distancia velocidad
        measure temperatura potencia dosis edad
        count número_de cantidad_de
        date fecha día año mes hora
        """,
    auxiliaries="""es son está están ha han puede pueden debe deben hay tiene tienen era fue se incluye
        acepta cubre existe""",
    haves="ha han haber había habían",
    perfect="ha han sido",
    participles="ado ada ados adas ido ida idos idas to ta cho cha",
    turning="a hacia contra antes_de después_de hasta desde",
    deadlines="antes_de hasta plazo límite vence vencimiento",
    units_in="en",
    within="dentro_de en",
    starts="de desde después_de a_partir_de tras",
    prohibits="debe deben debería deberían",
    changes="aumentar disminuir subir bajar crecer caer cambiar",
    genitives="de del",
    buts="sino pero",
    determiners="el la los las un una su sus",
    chooses="usar use usa utilizar elegir elija clasificar categoría mejor recomiendo",
    lacks="falta faltan faltante error errores defecto defectos problema problemas",
    says="""
        duration duración plazo período tiempo año mes día hora
        count número total hay
        amount importe cantidad precio
        money precio coste costar tarifa pagar importe
        share porcentaje parte
        date fecha día año
        place lugar ciudad situado ubicado encuentra
        person nombre
        cause razón motivo causa porque debido
        """,
    than="que",
    comparatives="más menos mejor mejores peor peores mayor mayores menor menores",
    more="más",
    less="menos",
    synonyms="""
        costar precio coste costo
        abrir apertura
        inaugurar inauguración
        empezar comenzar comienzo
        terminar acabar fin
        fundar crear fundador fundación
        dirigir director dirección
        comprar adquirir
        pagar pago
        escribir autor
        permitir autorizar
        prohibir prohibido
        alumno estudiante
        """,
    akin="""
        inaugurar abrir inauguración apertura
        """,
    opposites="""
        abrir cerrar
        abierto cerrado
        empezar terminar
        permitir prohibir
        aceptar rechazar
        comprar vender
        subir bajar
        aumentar disminuir
        gratis pago
        grande pequeño
        alto bajo
        largo corto
        viejo joven
        caro barato
        rápido lento
        antes después
        incluir excluir
        nacer morir
        ganar perder
        """,
    prefixes="in im ir des no",
    endings="""aciones ación iciones ición ciones ción siones sión amientos amiento imientos imiento ados ado
        adas ada idos ido idas ida ar er ir an en a o as os es e ó ió aron ieron aba aban ía ían s""",
    irregular="""
        escrib escrito escrita escritos escritas escribir
        hac hecho hecha hacer hizo
        pon puesto puesta poner puso
        romp roto rota romper
        cost cuesta cuestan costar coste costo costó
        abr abierto abierta abiertos abiertas abrir abre abrió apertura
        cerr cerrado cerrada cerrar cierra cerró
        """,
    units="""
        business-days día_hábil días_hábiles día_laborable días_laborables
        % por_ciento
        ° grado grados
        temperature-celsius grados_celsius
        """,
    ordinal="º ª",
    ones="un una",
    between="entre",
    ranges="a - –",
    numerals="""
        0 cero
        1 uno un una
        2 dos
        3 tres
        4 cuatro
        5 cinco
        6 seis
        7 siete
        8 ocho
        9 nueve
        10 diez
        11 once
        12 doce
        13 trece
        14 catorce
        15 quince
        16 dieciséis
        17 diecisiete
        18 dieciocho
        19 diecinueve
        20 veinte
        21 veintiuno veintiún
        22 veintidós
        23 veintitrés
        24 veinticuatro
        25 veinticinco
        26 veintiséis
        27 veintisiete
        28 veintiocho
        29 veintinueve
        30 treinta
        40 cuarenta
        50 cincuenta
        60 sesenta
        70 setenta
        80 ochenta
        90 noventa
        100 ciento cien
        200 doscientos doscientas
        300 trescientos trescientas
        400 cuatrocientos cuatrocientas
        500 quinientos quinientas
        600 seiscientos seiscientas
        700 setecientos setecientas
        800 ochocientos ochocientas
        900 novecientos novecientas
        """,
    hundreds="""
        1000 mil
        1000000 millón millones
        1000000000 millardo millardos
        1000000000000 billón billones
        12 docena docenas
        """,
    half="medio media",
    linked="y de",
    clock="horas hora h",
    mornings="de_la_mañana",
    evenings="de_la_tarde de_la_noche",
    hours="""
        720 mediodía
        0 medianoche
        """,
    titles="sr sra señor señora doctor don doña",
    inside="de del la el los las y en &",
    ids="versión número código dirección correo teléfono enlace referencia modelo formulario",
    afterwards="""
        >= o_más y_más mínimo
        <= o_menos máximo
        """,
    causes="debido_a a_causa_de por",
    orders="""ordena ordenar ordene ordenados ordenadas clasifica clasificar cronológico cronológica
        cronológicamente ascendente descendente creciente decreciente alfabético secuencia ruta pasos
        respectivamente""",
    sequences="orden",
    nexts="siguientes próximos próximas top",
    ranks="primer primero primera segundo segunda tercer tercero tercera último última",
)
